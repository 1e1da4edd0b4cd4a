/**
 * The address by which others reach this node: the one that packets to the API server leave from. A machine often has several
 * (every VirtualBox guest has 10.0.2.15); this one is the right one by construction.
 */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { BerthError, messageOf } from "#pkg/system/errors.ts";

/** No packet is sent: connecting a UDP socket only asks the kernel for the route. Throws "Unavailable". */
export async function findRouteAddress(host: string, port: number): Promise<string> {
  const target = await lookup(host).catch((error: unknown) => {
    throw new BerthError("Unavailable", `cannot find the address of the API server ${host}: ${messageOf(error)}`);
  });
  const socket = createSocket(target.family === 6 ? "udp6" : "udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.connect(port, target.address, resolve);
    });
    return socket.address().address;
  } catch (error) {
    throw new BerthError("Unavailable", `no route to the API server at ${target.address}: ${messageOf(error)}`);
  } finally {
    socket.close();
  }
}
