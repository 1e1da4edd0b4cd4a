/**
 * Names made from metadata.generateName. Alphabet, lengths and tries are upstream's (k8s.io/apimachinery/pkg/util/rand,
 * k8s.io/apiserver/pkg/storage/names): no vowels, nothing that reads like another character.
 */
import { type Random, randomInt } from "#pkg/system/random.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const maxBaseLength = 63 - suffixLength;

/** How many names are tried before a create with generateName fails. */
export const generateNameTries = 8;

export function generateName(base: string, random: Random): string {
  let suffix = "";
  for (let at = 0; at < suffixLength; at++) suffix += alphabet[randomInt(random, alphabet.length)];
  return base.slice(0, maxBaseLength) + suffix;
}
