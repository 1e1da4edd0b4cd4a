/**
 * Certificate requests: approves those of nodes that may have them, signs what was approved, throws away what is settled.
 * Serving certificates are never approved here: nobody can tell here which names a machine has.
 */
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "#pkg/api/certificates/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import type { CertificateSigner, RequestedCertificate } from "./certificate-signer.ts";
import {
  approvalSubresource,
  certificateUsages,
  expiryMs,
  hasCondition,
  isHandled,
  lifetimeMs,
  whyRefused,
} from "./compute-signing.ts";

export function startCertificateController(context: ControllerContext, signer: CertificateSigner): AsyncDisposable {
  const { informers } = context;
  const loop = startLoop(context, new CertificateReconciler(context, signer), 5);
  const enqueue = ({ metadata }: Stored<CertificateSigningRequest>): void => loop.enqueue(metadata.name);
  const requests = informers.for(resources.certificateSigningRequests);
  const subscriptions = [requests.addHandler({ onAdd: enqueue, onUpdate: enqueue })];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class CertificateReconciler {
  readonly name = "certificates";
  readonly #context: ControllerContext;
  readonly #signer: CertificateSigner;

  constructor(context: ControllerContext, signer: CertificateSigner) {
    this.#context = context;
    this.#signer = signer;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { client, informers, clock } = this.#context;
    const csr = informers.for(resources.certificateSigningRequests).get(name);
    if (!csr) return {};
    const leftMs = expiryMs(csr) - clock.now();
    if (leftMs <= 0) {
      const preconditions = { uid: csr.metadata.uid };
      await ignoringNotFound(client.certificateSigningRequests.delete(name, { preconditions, signal }));
      return {};
    }
    const isSettled = csr.status?.certificate || hasCondition(csr, "Denied") || hasCondition(csr, "Failed");
    if (isHandled(csr) && !isSettled) await this.#handle(csr, signal);
    return { requeueAfterMs: leftMs };
  }

  async #handle(csr: Stored<CertificateSigningRequest>, signal: AbortSignal): Promise<void> {
    const pem = Buffer.from(csr.spec.request, "base64").toString();
    const isApproved = hasCondition(csr, "Approved");
    let asked: RequestedCertificate;
    try {
      asked = await this.#signer.parse(pem);
    } catch (error) {
      if (isApproved && hasCode(error, "Invalid")) await this.#fail(csr, "SignerValidationFailure", error, signal);
      return;
    }
    if (!isApproved) return await this.#approve(csr, asked, signal);
    const refusal = whyRefused(csr, asked);
    if (refusal !== undefined) return await this.#fail(csr, "SignerValidationFailure", refusal, signal);
    try {
      const signed = await this.#signer.sign(pem, certificateUsages(csr), lifetimeMs(csr));
      const certificate = Buffer.from(signed).toString("base64");
      const status = { ...csr.status, certificate };
      await ignoringNotFound(
        this.#context.client.certificateSigningRequests.updateStatus({ ...csr, status }, { signal }),
      );
    } catch (error) {
      if (!hasCode(error, "Invalid")) throw error;
      await this.#fail(csr, "SigningError", error, signal);
    }
  }

  async #approve(
    csr: Stored<CertificateSigningRequest>,
    asked: RequestedCertificate,
    signal: AbortSignal,
  ): Promise<void> {
    const subresource = approvalSubresource(csr, asked);
    if (subresource === undefined || !(await this.#isAllowed(csr, subresource, signal))) return;
    const whose = subresource === "selfnodeclient" ? "self kubelet client" : "kubelet client";
    const message = `Auto approving ${whose} certificate after SubjectAccessReview.`;
    const approved = this.#withCondition(csr, "Approved", "AutoApproved", message);
    const requests = this.#context.client.certificateSigningRequests;
    await ignoringNotFound(requests.putSubresource(csr.metadata.name, "approval", approved, { signal }));
  }

  async #isAllowed({ spec }: CertificateSigningRequest, subresource: string, signal: AbortSignal): Promise<boolean> {
    const { username: user, uid, groups, extra } = spec;
    const resource = {
      group: "certificates.k8s.io",
      resource: "certificatesigningrequests",
      verb: "create",
      subresource,
    };
    const review = await this.#context.client.subjectAccessReviews.create(
      {
        apiVersion: "authorization.k8s.io/v1",
        kind: "SubjectAccessReview",
        metadata: {},
        spec: { user, uid, groups, extra, resourceAttributes: { ...resource, version: "*" } },
      },
      { signal },
    );
    return review.status?.allowed === true;
  }

  async #fail(
    csr: Stored<CertificateSigningRequest>,
    reason: string,
    why: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const message = typeof why === "string" ? why : messageOf(why);
    const failed = this.#withCondition(csr, "Failed", reason, message);
    await ignoringNotFound(this.#context.client.certificateSigningRequests.updateStatus(failed, { signal }));
  }

  #withCondition(
    csr: Stored<CertificateSigningRequest>,
    type: string,
    reason: string,
    message: string,
  ): Stored<CertificateSigningRequest> {
    const now = formatTime(this.#context.clock.now());
    const times = { lastUpdateTime: now, lastTransitionTime: now };
    const condition: CertificateSigningRequestCondition = { type, status: "True", reason, message, ...times };
    return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } };
  }
}
