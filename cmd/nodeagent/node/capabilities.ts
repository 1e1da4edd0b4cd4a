/** What this process may do, from /proc/self/status. Pure. */
const numbers = { CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24 } as const;

/** False when the text does not say. */
export function hasCapability(status: string, name: keyof typeof numbers): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${effective}`) & (1n << BigInt(numbers[name]))) !== 0n;
}
