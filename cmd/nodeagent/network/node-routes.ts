/** Routes to the pods of other nodes: each node's range by its address. Differences only, found by the routes' own mark. */
import type { Node } from "#pkg/api/core/v1.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";

export interface Route {
  /** "10.244.2.0/24" */
  readonly destination: string;
  readonly via: string;
}

/** What marks a route as ours: a number that no routing daemon uses. */
export const routeProtocol = "196";

export function computeRoutes(nodes: readonly Node[], ownName: string): readonly Route[] {
  return nodes.flatMap((node) => {
    const via = node.status?.addresses?.find(
      ({ type, address }) => type === "InternalIP" && !address.includes(":"),
    )?.address;
    const destination = (node.spec?.podCIDRs ?? [node.spec?.podCIDR ?? ""]).find(
      (cidr) => cidr !== "" && !cidr.includes(":"),
    );
    return node.metadata.name === ownName || via === undefined || destination === undefined ? [] : { destination, via };
  });
}

/** Lines for `ip -batch`, from what is there to what is wanted. */
export function diffRoutes(present: readonly Route[], wanted: readonly Route[]): readonly string[] {
  const byDestination = new Map(wanted.map((route) => [route.destination, route]));
  const removed = present.filter(({ destination }) => !byDestination.has(destination));
  const known = new Map(present.map((route) => [route.destination, route.via]));
  const changed = wanted.filter(({ destination, via }) => known.get(destination) !== via);
  return [
    ...removed.map(({ destination }) => `route del ${destination} proto ${routeProtocol}`),
    ...changed.map(({ destination, via }) => `route replace ${destination} via ${via} proto ${routeProtocol}`),
  ];
}

export interface NodeRoutes {
  sync(wanted: readonly Route[]): Promise<void>;
}

export function createNodeRoutes(runner: CommandRunner, prefix: readonly string[] = []): NodeRoutes {
  const run = async (argv: readonly string[], stdin?: string): Promise<string> => {
    const [first = "", ...rest] = [...prefix, ...argv];
    return (await runner.run({ argv: [first, ...rest], ...(stdin === undefined ? {} : { stdin }) })).stdout;
  };
  return {
    async sync(wanted) {
      const shown = JSON.parse((await run(["ip", "-j", "route", "show", "proto", routeProtocol])) || "[]") as {
        dst?: string;
        gateway?: string;
      }[];
      const present = shown.flatMap(({ dst, gateway }) =>
        dst && gateway ? { destination: dst.includes("/") ? dst : `${dst}/32`, via: gateway } : [],
      );
      const lines = diffRoutes(present, wanted);
      // A route that cannot be set (its node is not on this link yet) must not keep the others out.
      if (lines.length > 0) await run(["ip", "-force", "-batch", "-"], `${lines.join("\n")}\n`);
    },
  };
}
