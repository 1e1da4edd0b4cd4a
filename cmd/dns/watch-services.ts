/** Keeps the directory as the API has it: services, their endpoint slices, and the namespaces there are. */
import type { Informers } from "#pkg/kube/informers.ts";
import { resources } from "#pkg/kube/resources.ts";
import type { ServiceDirectory } from "./service-directory.ts";

/** The informers are still to be started. Returns whether all that exists has been seen. */
export function watchServices(informers: Informers, directory: ServiceDirectory): () => boolean {
  const services = informers.for(resources.services);
  const slices = informers.for(resources.endpointSlices);
  const namespaces = informers.for(resources.namespaces);
  services.addHandler({
    onAdd: (service) => directory.setService(service),
    onUpdate: (service) => directory.setService(service),
    onDelete: ({ metadata }) => directory.removeService(`${metadata.namespace}/${metadata.name}`),
  });
  slices.addHandler({
    onAdd: (slice) => directory.setSlice(slice),
    onUpdate: (slice, previous) => {
      // A slice may have moved to another service.
      directory.removeSlice(previous);
      directory.setSlice(slice);
    },
    onDelete: (slice) => directory.removeSlice(slice),
  });
  namespaces.addHandler({
    onAdd: ({ metadata }) => directory.setNamespace(metadata.name),
    onDelete: ({ metadata }) => directory.removeNamespace(metadata.name),
  });
  return () => services.hasSynced && slices.hasSynced && namespaces.hasSynced;
}
