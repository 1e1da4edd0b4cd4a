/**
 * How endpoints are laid out over slices: as few writes as possible, not as few slices as possible, because each write goes
 * to every node. Pure.
 * Source: k8s.io/endpointslice reconciler.go reconcileByPortMapping (v1.36).
 */
import type { Endpoint, EndpointPort, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { canonicalJson } from "../template-hash.ts";
import { type EndpointGroup, portsKey } from "./compute-endpoints-of-pods.ts";

export interface SliceLabels {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface NewSlice extends Pick<EndpointGroup, "addressType"> {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceChanges {
  readonly create: readonly NewSlice[];
  readonly update: readonly { readonly slice: Stored<EndpointSlice>; readonly endpoints: readonly Endpoint[] }[];
  readonly delete: readonly Stored<EndpointSlice>[];
}

/** One slice while it is being filled. */
interface Draft {
  readonly slice: Stored<EndpointSlice>;
  endpoints: Endpoint[];
  isChanged: boolean;
}

export function computeSliceChanges(
  existing: readonly Stored<EndpointSlice>[],
  groups: readonly EndpointGroup[],
  maxPerSlice: number,
  isStale: (slice: Stored<EndpointSlice>) => boolean,
): SliceChanges {
  const left = new Set(existing);
  const parts = mergeGroups(groups).map((group) => {
    const own = existing.filter((slice) => left.has(slice) && fits(slice, group));
    for (const slice of own) left.delete(slice);
    return computeGroupChanges(own, group, maxPerSlice, isStale);
  });
  return {
    create: parts.flatMap(({ create }) => create),
    update: parts.flatMap(({ update }) => update),
    delete: [...left, ...parts.flatMap((part) => part.delete)],
  };
}

/** Slices are found again by their ports: two groups with the same would take them from each other for ever. */
function mergeGroups(groups: readonly EndpointGroup[]): readonly EndpointGroup[] {
  const merged = new Map<string, EndpointGroup>();
  for (const group of groups) {
    const key = `${group.addressType}|${portsKey(group.ports)}`;
    const known = merged.get(key);
    merged.set(key, known ? { ...known, endpoints: [...known.endpoints, ...group.endpoints] } : group);
  }
  return [...merged.values()];
}

function fits({ addressType, ports }: EndpointSlice, group: EndpointGroup): boolean {
  return addressType === group.addressType && portsKey(ports ?? []) === portsKey(group.ports);
}

function computeGroupChanges(
  existing: readonly Stored<EndpointSlice>[],
  group: EndpointGroup,
  maxPerSlice: number,
  isStale: (slice: Stored<EndpointSlice>) => boolean,
): SliceChanges {
  const wanted = new Map(group.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const drafts = existing.map((slice) => keepWanted(slice, wanted, maxPerSlice, isStale(slice)));
  const homeless = [...wanted.values()];
  fill(
    drafts.filter(({ isChanged }) => isChanged),
    homeless,
    maxPerSlice,
  );
  // One slice with room for all that is left costs one write; spreading them over several would cost more than a new one.
  const roomy = drafts
    .filter(({ isChanged, endpoints }) => !isChanged && endpoints.length + homeless.length <= maxPerSlice)
    .sort((left, right) => right.endpoints.length - left.endpoints.length);
  if (homeless.length > 0) fill(roomy.slice(0, 1), homeless, maxPerSlice);
  const { addressType, ports } = group;
  const create: NewSlice[] = [];
  while (homeless.length > 0) create.push({ addressType, ports, endpoints: homeless.splice(0, maxPerSlice) });
  if (drafts.length === 0 && create.length === 0) create.push({ addressType, ports, endpoints: [] });
  const isAllEmpty = drafts.every(({ endpoints }) => endpoints.length === 0) && create.length === 0;
  const empty = drafts.filter(({ endpoints }) => endpoints.length === 0).slice(isAllEmpty ? 1 : 0);
  const update = drafts.filter((draft) => draft.isChanged && !empty.includes(draft));
  return { create, update, delete: empty.map(({ slice }) => slice) };
}

/** Takes out of `wanted` what the slice holds already, in the state it is wanted in. */
function keepWanted(
  slice: Stored<EndpointSlice>,
  wanted: Map<string, Endpoint>,
  maxPerSlice: number,
  isStale: boolean,
): Draft {
  const endpoints: Endpoint[] = [];
  let isChanged = isStale;
  for (const present of slice.endpoints ?? []) {
    const key = endpointKey(present);
    const now = wanted.get(key);
    if (now && endpoints.length < maxPerSlice) {
      wanted.delete(key);
      endpoints.push(now);
      isChanged ||= canonicalJson(now) !== canonicalJson(present);
    } else isChanged = true;
  }
  return { slice, endpoints, isChanged };
}

function fill(drafts: readonly Draft[], homeless: Endpoint[], maxPerSlice: number): void {
  for (const draft of drafts) {
    const added = homeless.splice(0, Math.max(0, maxPerSlice - draft.endpoints.length));
    if (added.length === 0) continue;
    draft.endpoints = [...draft.endpoints, ...added];
    draft.isChanged = true;
  }
}

function endpointKey({ targetRef, addresses }: Endpoint): string {
  return [targetRef?.uid ?? "", ...addresses].join();
}
