/**
 * YAML as Kubernetes reads it: the YAML 1.1 words for booleans and numbers (`yes`, `on`, `0777`), merge keys, but dates and
 * `1:30` stay text. The result is what JSON could hold: keys are strings, nothing is shared, no NaN.
 */
import {
  boolYaml11Tag,
  defineScalarTag,
  load,
  mapTag,
  mergeTag,
  NOT_RESOLVED,
  nullYaml11Tag,
  Schema,
  seqTag,
  strTag,
  YAMLException,
} from "js-yaml";
import { DecodeError } from "./decode-error.ts";
import { type Struct, setKey } from "./type-plan.ts";

export interface YamlLimits {
  /** Collections within each other. */
  readonly maxDepth: number;
}

/** A document may not have more nodes than this, with what aliases stand for written out. */
const maxNodes = 400_000;

const decimal = /^[-+]?[1-9][0-9]*$|^[-+]?0$/;
const octal = /^([-+]?)0o?([0-7]+)$/;
const hexadecimal = /^([-+]?)0x([0-9a-fA-F]+)$/;
const binary = /^([-+]?)0b([01]+)$/;
const float = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;

const numberFirst = [..."+-.0123456789"];

/** Integers in go-yaml's forms; underscores between digits are allowed. */
const goIntTag = defineScalarTag<number>("tag:yaml.org,2002:int", {
  implicit: true,
  implicitFirstChars: numberFirst,
  resolve: (source) => {
    const plain = source.replaceAll("_", "");
    if (decimal.test(plain)) return Number(plain);
    const based = matchBase(octal, plain, 8) ?? matchBase(hexadecimal, plain, 16) ?? matchBase(binary, plain, 2);
    return based ?? NOT_RESOLVED;
  },
  identify: () => false,
});

const goFloatTag = defineScalarTag<number>("tag:yaml.org,2002:float", {
  implicit: true,
  implicitFirstChars: numberFirst,
  resolve: (source) => {
    const plain = source.replaceAll("_", "");
    if (float.test(plain)) return Number(plain);
    if (/^[-+]?\.(?:inf|Inf|INF)$/.test(source)) return source.startsWith("-") ? -Infinity : Infinity;
    return /^\.(?:nan|NaN|NAN)$/.test(source) ? Number.NaN : NOT_RESOLVED;
  },
  identify: () => false,
});

/** Given explicitly only: the text the bytes stand for, or the date as it is written. */
const goBinaryTag = defineScalarTag<string>("tag:yaml.org,2002:binary", {
  resolve: (source) => Buffer.from(source, "base64").toString("utf8"),
  identify: () => false,
});
const goTimestampTag = defineScalarTag<string>("tag:yaml.org,2002:timestamp", {
  resolve: (source) => source,
  identify: () => false,
});

const goSchema = new Schema([
  strTag,
  seqTag,
  mapTag,
  nullYaml11Tag,
  boolYaml11Tag,
  goIntTag,
  goFloatTag,
  goBinaryTag,
  goTimestampTag,
  mergeTag,
]);

function matchBase(shape: RegExp, text: string, base: number): number | undefined {
  const match = shape.exec(text);
  return match ? Number.parseInt(`${match[1]}${match[2]}`, base) : undefined;
}

/** The single document of the text. Throws DecodeError. A key given twice takes its last value. */
export function parseYaml(text: string, limits: YamlLimits): unknown {
  return asJson(loadYaml(text, limits, true), limits);
}

/** The first key of the text that is given twice, in upstream's words; undefined when there is none. */
export function duplicateYamlKey(text: string, limits: YamlLimits): string | undefined {
  try {
    loadYaml(text, limits, false);
    return undefined;
  } catch (error) {
    if (!(error instanceof DecodeError) || !(error.cause instanceof YAMLException)) throw error;
    const { mark } = error.cause;
    if (!mark) return `yaml: ${error.cause.reason}`;
    const key = /^["']?([^:"'\s]*)/.exec(text.slice(mark.position))?.[1] ?? "";
    return `yaml: unmarshal errors:\n  line ${mark.line + 1}: key ${JSON.stringify(key)} already set in map`;
  }
}

function loadYaml(text: string, limits: YamlLimits, allowDuplicates: boolean): unknown {
  try {
    return load(text, { schema: goSchema, json: allowDuplicates, maxDepth: limits.maxDepth, maxAliases: 10_000 });
  } catch (error) {
    const message = error instanceof YAMLException ? yamlMessage(error) : String(error);
    throw new DecodeError(`error converting YAML to JSON: ${message}`, "", error);
  }
}

function yamlMessage(error: YAMLException): string {
  return error.mark ? `yaml: line ${error.mark.line + 1}: ${error.reason}` : `yaml: ${error.reason}`;
}

/** Copies the value so that nothing in it is shared, which aliases would make it; they can nest it past what was parsed, too. */
function asJson(root: unknown, limits: YamlLimits): unknown {
  let nodes = 0;
  const copy = (value: unknown, depth: number): unknown => {
    if (++nodes > maxNodes || depth > limits.maxDepth) {
      throw new DecodeError(
        "error converting YAML to JSON: yaml: document contains excessive aliasing or too many nodes",
      );
    }
    if (typeof value === "number" && !Number.isFinite(value)) {
      throw new DecodeError(`error converting YAML to JSON: json: unsupported value: ${value}`);
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map((item) => copy(item, depth + 1));
    const struct: Struct = {};
    for (const [key, one] of Object.entries(value)) setKey(struct, key, copy(one, depth + 1));
    return struct;
  };
  return copy(root, 0);
}
