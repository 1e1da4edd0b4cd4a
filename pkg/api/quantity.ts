/**
 * Amounts of resources ("500m", "1.5Gi", "2e3") as exact numbers. Reading, rounding and the canonical text are those of
 * k8s.io/apimachinery resource.Quantity, because the text is what clients compare. Values never pass through a float.
 * Two deliberate differences: exponents beyond ±1000 are refused or rounded instead of costing unbounded memory, and
 * decimal amounts of 1000E and more keep their suffix, where upstream drops it.
 */

export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

/** The text is no quantity. `message` is the one upstream clients know. */
export class QuantityError extends Error {
  override readonly name = "QuantityError";
}

/** `unscaled × 10^scale`, with scale at least -9 (nano). */
interface Amount {
  readonly unscaled: bigint;
  readonly scale: number;
}

const formatWrong = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixWrong = "unable to parse quantity's suffix";
/** Looser than the published expression in what the number may be ("", "."), as upstream's scanner is. */
const shape = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;

const decimalExponents: ReadonlyMap<string, number> = new Map([
  ["n", -9],
  ["u", -6],
  ["m", -3],
  ["", 0],
  ["k", 3],
  ["M", 6],
  ["G", 9],
  ["T", 12],
  ["P", 15],
  ["E", 18],
]);
const binaryExponents: ReadonlyMap<string, number> = new Map([
  ["Ki", 10],
  ["Mi", 20],
  ["Gi", 30],
  ["Ti", 40],
  ["Pi", 50],
  ["Ei", 60],
]);
const decimalSuffixes: ReadonlyMap<number, string> = new Map([...decimalExponents].map(([text, exp]) => [exp, text]));
const binarySuffixes: ReadonlyMap<number, string> = new Map([...binaryExponents].map(([text, exp]) => [exp, text]));

const maxExponent = 1000;
const minScale = -9;
const maxInt64 = 2n ** 63n - 1n;

export class Quantity {
  readonly format: QuantityFormat;
  readonly #amount: Amount;
  #text: string | undefined;

  private constructor(amount: Amount, format: QuantityFormat, text?: string) {
    this.#amount = amount;
    this.format = format;
    this.#text = text;
  }

  /** Reads a quantity; throws QuantityError. Finer than nano is rounded away from zero; BinarySI stops at 2^63-1. */
  static parse(text: string): Quantity {
    const parts = scan(text);
    const { format, exponent } = readSuffix(parts.suffix);
    const digits = parts.whole + parts.fraction;
    const amount =
      format === "BinarySI"
        ? binaryAmount(parts, exponent)
        : { unscaled: BigInt(digits), scale: exponent - parts.fraction.length };
    let rounded = roundUp(amount, minScale);
    if (format === "BinarySI" && compareAmounts(rounded, { unscaled: maxInt64, scale: 0 }) > 0) {
      rounded = { unscaled: maxInt64, scale: 0 };
    }
    const isBelowOne = rounded.unscaled > 0n && compareAmounts(rounded, { unscaled: 1n, scale: 0 }) < 0;
    const signed = parts.isNegative ? { ...rounded, unscaled: -rounded.unscaled } : rounded;
    const kept = keepsItsText(parts, format, exponent) ? text : undefined;
    return new Quantity(signed, format === "BinarySI" && isBelowOne ? "DecimalSI" : format, kept);
  }

  /** `value × 10^scale`; below nano it is rounded away from zero. */
  static of(value: bigint | number, format: QuantityFormat = "DecimalSI", scale = 0): Quantity {
    return new Quantity(roundUp({ unscaled: BigInt(value), scale }, minScale), format);
  }

  static milli(value: bigint | number, format: QuantityFormat = "DecimalSI"): Quantity {
    return Quantity.of(value, format, -3);
  }

  static readonly zero: Quantity = new Quantity({ unscaled: 0n, scale: 0 }, "DecimalSI", "0");

  get isZero(): boolean {
    return this.#amount.unscaled === 0n;
  }

  /** -1, 0 or 1. */
  get sign(): number {
    return Number(this.#amount.unscaled > 0n) - Number(this.#amount.unscaled < 0n);
  }

  /** -1, 0 or 1: by amount, whatever the formats. */
  compare(other: Quantity): number {
    return compareAmounts(this.#amount, other.#amount);
  }

  equals(other: Quantity): boolean {
    return this.compare(other) === 0;
  }

  /** The sum, in this quantity's format; in the other's when this one is zero. */
  add(other: Quantity): Quantity {
    const format = this.isZero ? other.format : this.format;
    const scale = Math.min(this.#amount.scale, other.#amount.scale);
    return new Quantity({ unscaled: atScale(this.#amount, scale) + atScale(other.#amount, scale), scale }, format);
  }

  sub(other: Quantity): Quantity {
    return this.add(other.negate());
  }

  negate(): Quantity {
    return new Quantity({ ...this.#amount, unscaled: -this.#amount.unscaled }, this.format);
  }

  multiply(factor: bigint | number): Quantity {
    return new Quantity({ ...this.#amount, unscaled: this.#amount.unscaled * BigInt(factor) }, this.format);
  }

  /** The amount in units of 10^scale, rounded away from zero: scaledValue(-3) of "1.5" is 1500. */
  scaledValue(scale: number): bigint {
    return atScale(roundUp(this.#amount, scale), scale);
  }

  /** The whole number of units (bytes, pods), rounded away from zero. */
  value(): bigint {
    return this.scaledValue(0);
  }

  milliValue(): bigint {
    return this.scaledValue(-3);
  }

  /** `value()` as a number: exact up to 2^53. */
  toBytes(): number {
    return Number(this.value());
  }

  /** `milliValue()` as a number (CPU millicores): exact up to 2^53. */
  toMilli(): number {
    return Number(this.milliValue());
  }

  /** The nearest float, for metrics and shares; Infinity when out of range. */
  toNumber(): number {
    const { unscaled, scale } = this.#amount;
    return scale < 0 ? Number(unscaled) / 10 ** -scale : Number(unscaled) * 10 ** scale;
  }

  /** Rounded away from zero to a multiple of 10^scale. */
  roundUp(scale: number): Quantity {
    return new Quantity(roundUp(this.#amount, scale), this.format);
  }

  /** The same amount, to be written in another format. */
  withFormat(format: QuantityFormat): Quantity {
    return new Quantity(this.#amount, format);
  }

  /** The text upstream writes: the text that was read when that is good enough for upstream, else the canonical form. */
  toString(): string {
    this.#text ??= this.canonical();
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  /** No fraction, the largest suffix that keeps the number whole, and no precision lost. */
  canonical(): string {
    if (this.isZero) return "0";
    if (this.format === "BinarySI") {
      const text = canonicalBinary(this.#amount);
      if (text !== undefined) return text;
    }
    return canonicalDecimal(this.#amount, this.format === "DecimalExponent");
  }
}

/** The canonical text of a quantity as it may stand in JSON (a number or a string with blanks). Throws QuantityError. */
export function canonicalizeQuantity(value: string | number): string {
  return parseQuantity(value).toString();
}

/** Reads a quantity as it may stand in JSON: a string, with or without blanks around it, or a number. */
export function parseQuantity(value: string | number): Quantity {
  return Quantity.parse(String(value).trim());
}

/** Sums quantities given as text; an empty list is zero. */
export function sumQuantities(values: Iterable<Quantity>): Quantity {
  let sum = Quantity.zero;
  for (const value of values) sum = sum.add(value);
  return sum;
}

interface Parts {
  readonly isNegative: boolean;
  /** Without leading zeros, but "0" when there is nothing else. */
  readonly whole: string;
  readonly fraction: string;
  readonly suffix: string;
}

function scan(text: string): Parts {
  const match = text === "" ? null : shape.exec(text);
  if (!match) throw new QuantityError(formatWrong);
  const [, sign = "", whole = "", fraction = "", suffix = ""] = match;
  return { isNegative: sign === "-", whole: whole || "0", fraction, suffix };
}

function readSuffix(suffix: string): { format: QuantityFormat; exponent: number } {
  const decimal = decimalExponents.get(suffix);
  if (decimal !== undefined) return { format: "DecimalSI", exponent: decimal };
  const binary = binaryExponents.get(suffix);
  if (binary !== undefined) return { format: "BinarySI", exponent: binary };
  if (!/^[eE][+-]?[0-9]+$/.test(suffix)) throw new QuantityError(suffixWrong);
  const exponent = Number(suffix.slice(1));
  if (exponent > maxExponent) throw new QuantityError(suffixWrong);
  return { format: "DecimalExponent", exponent };
}

function binaryAmount(parts: Parts, exponent: number): Amount {
  return { unscaled: BigInt(parts.whole + parts.fraction) << BigInt(exponent), scale: -parts.fraction.length };
}

/** True where upstream writes back the very text it read ("1.500", "01Ki"), since rewriting it would show as a change. */
function keepsItsText(parts: Parts, format: QuantityFormat, exponent: number): boolean {
  const { whole, fraction } = parts;
  const digits = whole + fraction;
  if (format === "BinarySI") {
    const spare = 14 - whole.length - Math.trunc((exponent * 3) / 10);
    return fraction === "" && spare >= 0 && (BigInt(whole) & 7n) !== 0n;
  }
  const scale = exponent - fraction.length;
  if (digits.length > 18 || scale < minScale) return false;
  return scale % 3 === 0 && !digits.endsWith("000") && !digits.startsWith("0");
}

/** Away from zero to a multiple of 10^scale; amounts that need no rounding come back as they are. */
function roundUp(amount: Amount, scale: number): Amount {
  const { unscaled } = amount;
  if (amount.scale >= scale) return amount;
  if (unscaled === 0n) return { unscaled, scale };
  const drop = scale - amount.scale;
  const away = unscaled < 0n ? -1n : 1n;
  // The power of ten would be far longer than the number itself: all of it is below one step.
  if (drop > unscaled.toString().length) return { unscaled: away, scale };
  const step = 10n ** BigInt(drop);
  const quotient = unscaled / step;
  return { unscaled: unscaled % step === 0n ? quotient : quotient + away, scale };
}

/** The unscaled number at a scale that is not above the amount's own. */
function atScale(amount: Amount, scale: number): bigint {
  return amount.unscaled * 10n ** BigInt(amount.scale - scale);
}

function compareAmounts(a: Amount, b: Amount): number {
  const scale = Math.min(a.scale, b.scale);
  const [left, right] = [atScale(a, scale), atScale(b, scale)];
  return Number(left > right) - Number(left < right);
}

/** Undefined when binary suffixes cannot say it: below 1024, or with a fraction. */
function canonicalBinary(amount: Amount): string | undefined {
  const whole = atScale(roundUp(amount, 0), 0);
  if (compareAmounts(amount, { unscaled: whole, scale: 0 }) !== 0) return undefined;
  if (whole > -1024n && whole < 1024n) return undefined;
  let [mantissa, exponent] = [whole, 0];
  while (exponent < 60 && mantissa % 1024n === 0n) {
    mantissa /= 1024n;
    exponent += 10;
  }
  return `${mantissa}${binarySuffixes.get(exponent) ?? ""}`;
}

function canonicalDecimal(amount: Amount, withExponent: boolean): string {
  const text = amount.unscaled.toString();
  const digits = text.replace(/0+$/, "");
  let exponent = amount.scale + text.length - digits.length;
  const padding = ((exponent % 3) + 3) % 3;
  exponent -= padding;
  const mantissa = digits + "0".repeat(padding);
  if (withExponent) return exponent === 0 ? mantissa : `${mantissa}e${exponent}`;
  const above = Math.max(exponent - 18, 0);
  return `${mantissa}${"0".repeat(above)}${decimalSuffixes.get(exponent - above) ?? ""}`;
}
