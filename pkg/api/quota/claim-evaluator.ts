/** Claims in quotas: their number and size, in all and by storage class. */
import type { PersistentVolumeClaim } from "../core/v1.ts";
import { parseQuantity, Quantity } from "../quantity.ts";
import type { QuotaAmounts } from "./amounts.ts";
import type { QuotaEvaluator } from "./evaluator.ts";
import { matchesNames } from "./scope-values.ts";

const classInfix = ".storageclass.storage.k8s.io/";
const ownNames = ["persistentvolumeclaims", "requests.storage"];

export const claimEvaluator: QuotaEvaluator = {
  handles({ subresource, object, oldObject }) {
    if (subresource === "") return true;
    if (subresource !== "status" || !oldObject) return false;
    const [next, old] = [object as PersistentVolumeClaim, oldObject as PersistentVolumeClaim];
    const allocated = ({ status }: PersistentVolumeClaim) => status?.allocatedResources?.["storage"];
    return allocated(next) !== allocated(old) || attributeClasses(next).join() !== attributeClasses(old).join();
  },
  counts: (name) =>
    name === "count/persistentvolumeclaims" ||
    ownNames.some((own) => name === own || name.endsWith(`${classInfix}${own}`)),
  usage(object) {
    const claim = object as PersistentVolumeClaim;
    const usage = new Map([["count/persistentvolumeclaims", Quantity.of(1)]]);
    const storage = storageOf(claim);
    const className =
      claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? claim.spec?.storageClassName;
    for (const prefix of className ? ["", className + classInfix] : [""]) {
      usage.set(`${prefix}persistentvolumeclaims`, Quantity.of(1));
      if (storage) usage.set(`${prefix}requests.storage`, storage);
    }
    return usage satisfies QuotaAmounts;
  },
  matchesScope: (selector, object) =>
    selector.scopeName === "VolumeAttributesClass" &&
    matchesNames(selector, attributeClasses(object as PersistentVolumeClaim)),
};

/** In whole bytes. A claim that grows is charged for what it was promised, even when that is taken back. */
function storageOf({ spec, status }: PersistentVolumeClaim): Quantity | undefined {
  const request = spec?.resources?.requests?.["storage"];
  if (request === undefined) return undefined;
  const requested = parseQuantity(request).roundUp(0);
  const allocated = status?.allocatedResources?.["storage"];
  const promised = allocated === undefined ? requested : parseQuantity(allocated).roundUp(0);
  return promised.compare(requested) > 0 ? promised : requested;
}

/** The class asked for, the one in force and the one under way. */
function attributeClasses({ spec, status }: PersistentVolumeClaim): readonly string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => Boolean(name)))].sort();
}
