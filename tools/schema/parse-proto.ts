/**
 * Reads the messages of a `generated.proto`: field names, numbers, labels and types. It is the second witness for what the
 * struct tags say, so it shares no code with the Go reader.
 */

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly label: "optional" | "repeated" | "map";
  /** Scalar or message name as written; for a map, the type of its values. */
  readonly type: string;
}

export type ProtoMessages = ReadonlyMap<string, readonly ProtoField[]>;

export function parseProtoMessages(text: string): ProtoMessages {
  const messages = new Map<string, ProtoField[]>();
  let fields: ProtoField[] | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (line.startsWith("//")) continue;
    const message = /^message (\w+) \{/.exec(line);
    if (message) {
      fields = [];
      messages.set(message[1]!, fields);
      continue;
    }
    const plain = /^(optional|repeated) (\S+) (\w+) = (\d+)/.exec(line);
    if (plain && fields) {
      const label = plain[1] as "optional" | "repeated";
      fields.push({ label, type: plain[2]!, name: plain[3]!, number: Number(plain[4]) });
      continue;
    }
    const map = /^map<string, (\S+)> (\w+) = (\d+)/.exec(line);
    if (map && fields) fields.push({ label: "map", type: map[1]!, name: map[2]!, number: Number(map[3]) });
  }
  return messages;
}
