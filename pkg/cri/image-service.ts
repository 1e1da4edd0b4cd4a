/** The CRI v1 image service as a port. Errors as in runtime-service.ts. */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import type { AuthConfig, FilesystemUsage, Image, ImageSpec, PodSandboxConfig } from "./generated/cri.ts";

export interface ImageService {
  listImages(): Promise<readonly Image[]>;
  /** undefined: the image is not there. */
  imageStatus(image: MessageInput<ImageSpec>): Promise<Image | undefined>;
  /** Returns the image's reference by digest. Has no time limit of its own. */
  pullImage(
    image: MessageInput<ImageSpec>,
    auth: MessageInput<AuthConfig> | undefined,
    sandbox: MessageInput<PodSandboxConfig> | undefined,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Idempotent. */
  removeImage(image: MessageInput<ImageSpec>): Promise<void>;
  imageFsInfo(): Promise<readonly FilesystemUsage[]>;
}
