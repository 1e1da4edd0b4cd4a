/**
 * containerd's own event stream, for versions whose CRI has none (before 1.7). Only what is read of its messages is
 * declared here.
 * Source: containerd api/services/events/v1, api/events/task.proto.
 */
import { loadGrpcDescriptor } from "#pkg/api/schema/grpc.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import type { ContainerEvent } from "./runtime-service.ts";

const descriptor = {
  nested: {
    google: {
      nested: {
        protobuf: {
          nested: { Any: { fields: { typeUrl: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } } },
        },
      },
    },
    containerd: {
      nested: {
        // Every task event has the container's ID as field 1.
        events: {
          nested: { TaskEvent: { fields: { containerId: { type: "string", id: 1 }, id: { type: "string", id: 2 } } } },
        },
        services: {
          nested: {
            events: {
              nested: {
                v1: {
                  nested: {
                    SubscribeRequest: { fields: { filters: { rule: "repeated", type: "string", id: 1 } } },
                    Envelope: {
                      fields: {
                        namespace: { type: "string", id: 2 },
                        topic: { type: "string", id: 3 },
                        event: { type: "google.protobuf.Any", id: 4 },
                      },
                    },
                    Events: {
                      methods: {
                        Subscribe: { requestType: "SubscribeRequest", responseType: "Envelope", responseStream: true },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
} as const;

interface Envelope {
  readonly namespace: string;
  readonly topic: string;
  readonly event: { readonly typeUrl: string; readonly value: Uint8Array } | null;
}

const kinds: Readonly<Record<string, ContainerEvent["kind"]>> = {
  "/tasks/create": "created",
  "/tasks/start": "started",
  "/tasks/exit": "stopped",
  "/tasks/oom": "oom",
  "/tasks/delete": "deleted",
};

/** containerd keeps the containers of CRI in this namespace. */
const criNamespace = "k8s.io";

export async function* containerdEvents(
  connection: GrpcConnection,
  signal: AbortSignal,
): AsyncGenerator<ContainerEvent> {
  const loaded = loadGrpcDescriptor(descriptor, { int64: "number" });
  const service = loaded.service("containerd.services.events.v1.Events");
  const filters = [`namespace==${criNamespace},topic~="^/tasks/"`];
  for await (const envelope of connection.stream<Envelope>(service, "Subscribe", { filters }, signal)) {
    const kind = kinds[envelope.topic];
    if (kind === undefined || !envelope.event) continue;
    const task = loaded.decode("containerd.events.TaskEvent", envelope.event.value) as {
      containerId: string;
      id: string;
    };
    // The exit of an exec'd process names the process; only the container's own is of interest.
    if (kind === "stopped" && task.id !== task.containerId) continue;
    yield { containerId: task.containerId, kind };
  }
}
