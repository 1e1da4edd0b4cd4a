/**
 * gRPC service definitions from protobufjs JSON descriptors, in the form @grpc/grpc-js takes for clients
 * (makeGenericClientConstructor) and servers (addService). Messages are plain objects: field names in camelCase, every
 * scalar, list and map present, unset messages null, enumerations by name, bytes as Uint8Array.
 */
import protobuf from "protobufjs/light.js";

export interface GrpcMethod {
  /** "/runtime.v1.RuntimeService/RunPodSandbox" */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: object) => Buffer;
  readonly requestDeserialize: (bytes: Uint8Array) => object;
  readonly responseSerialize: (message: object) => Buffer;
  readonly responseDeserialize: (bytes: Uint8Array) => object;
  /** The name of the method on a client, in camelCase. */
  readonly originalName: string;
}

/** By method name as in the .proto file. */
export type GrpcService = Readonly<Record<string, GrpcMethod>>;

export interface GrpcDescriptor {
  /** `name` is the full name: "etcdserverpb.KV". Throws when the descriptor has no such service. */
  service(name: string): GrpcService;
  /** `name` is the full name of a message: "mvccpb.KeyValue". Throws when the descriptor has no such message. */
  encode(name: string, message: object): Buffer;
  /** Throws RangeError or Error on bytes that are not such a message. */
  decode(name: string, bytes: Uint8Array): object;
}

export interface GrpcOptions {
  /**
   * How 64-bit numbers are handed out. "number" loses digits past 2^53, which is fine for sizes and timestamps; "bigint" is
   * exact. Both, and decimal text, are taken when encoding.
   */
  readonly int64: "number" | "bigint";
}

/** What may be given to encode a message of type T: anything may be left out. */
export type MessageInput<T> = T extends bigint
  ? bigint | number
  : T extends string | number | boolean | Uint8Array | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly MessageInput<Item>[]
      : { readonly [Key in keyof T]?: MessageInput<T[Key]> | null | undefined };

export function loadGrpcDescriptor(descriptor: object, options: GrpcOptions): GrpcDescriptor {
  const root = protobuf.Root.fromJSON(descriptor as protobuf.INamespace).resolveAll();
  const conversion: protobuf.IConversionOptions = {
    // protobufjs takes the BigInt constructor as an option but does not say so in its types.
    longs: (options.int64 === "bigint" ? BigInt : Number) as NumberConstructor,
    enums: String,
    defaults: true,
  };
  const encode = (type: protobuf.Type) => (message: object) => asBuffer(type.encode(type.fromObject(message)).finish());
  const decode = (type: protobuf.Type) => (bytes: Uint8Array) =>
    type.toObject(type.decode(bytes), conversion) as object;
  return {
    encode: (name, message) => encode(root.lookupType(name))(message),
    decode: (name, bytes) => decode(root.lookupType(name))(bytes),
    service: (name) => {
      const service = root.lookupService(name);
      return Object.fromEntries(
        service.methodsArray.map((method): [string, GrpcMethod] => {
          const request = service.lookupType(method.requestType);
          const response = service.lookupType(method.responseType);
          return [
            method.name,
            {
              path: `/${name}/${method.name}`,
              requestStream: method.requestStream ?? false,
              responseStream: method.responseStream ?? false,
              requestSerialize: encode(request),
              requestDeserialize: decode(request),
              responseSerialize: encode(response),
              responseDeserialize: decode(response),
              originalName: method.name.charAt(0).toLowerCase() + method.name.slice(1),
            },
          ];
        }),
      );
    },
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
