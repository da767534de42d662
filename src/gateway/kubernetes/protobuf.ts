/** The fields of a message that matter, if they have a length (texts, messages), by their number; each stands once. */
export type Fields = ReadonlyMap<number, Buffer>

/** What client-go begins with (apimachinery, pkg/runtime/serializer/protobuf). */
const magic = Buffer.from('k8s\0')

/** A body as Go's clients send it, taken apart as far as it is named by it. */
export interface ProtobufObject {
  readonly kind: string | undefined
  readonly fields: Fields
}

/**
 * The object in a body (runtime.Unknown: 1 its type, 2 the object, 3 and 4 how that is encoded). Undefined for what is none, or where a
 * field that matters stands twice: of these Go takes the last, or puts both together. `once` are these fields of the object.
 */
export function readProtobuf(
  body: Buffer,
  once: (kind: string | undefined) => readonly number[],
): ProtobufObject | undefined {
  if (!body.subarray(0, magic.length).equals(magic)) return undefined
  const unknown = fieldsOf(body.subarray(magic.length), [1, 2, 3, 4])
  const type = unknown?.get(1)
  const raw = unknown?.get(2)
  if (unknown === undefined || raw === undefined) return undefined
  if ((unknown.get(3)?.length ?? 0) > 0 || (unknown.get(4)?.length ?? 0) > 0) return undefined
  const typed = type === undefined ? undefined : fieldsOf(type, [1, 2])
  const kind = typed && textIn(typed, 2)
  const fields = fieldsOf(raw, once(kind))
  return fields === undefined ? undefined : { kind, fields }
}

/** The message in a field; none, if it is not there. Undefined: it cannot be read. `once`: fields that matter. */
export function messageIn(fields: Fields, number: number, once: readonly number[]): Fields | undefined {
  const bytes = fields.get(number)
  return bytes === undefined ? new Map() : fieldsOf(bytes, once)
}

/** A text that is not empty. */
export function textIn(fields: Fields, number: number): string | undefined {
  const bytes = fields.get(number)
  if (bytes === undefined || bytes.length === 0) return undefined
  // What is no UTF-8 is still a name of its own.
  return bytes.equals(Buffer.from(bytes.toString('utf8'))) ? bytes.toString('utf8') : bytes.toString('latin1')
}

function fieldsOf(bytes: Buffer, once: readonly number[]): Fields | undefined {
  const fields = new Map<number, Buffer>()
  for (let at = 0; at < bytes.length;) {
    const tag = varint(bytes, at)
    // Go cuts a longer number to 32 bits, and would find another field there.
    if (tag === undefined || tag.value > 0xffff_ffff) return undefined
    const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8]
    if (number === 0) return undefined
    const length = wire === 2 ? varint(bytes, tag.end) : undefined
    const end = endOf(bytes, wire, length?.end ?? tag.end, length?.value)
    if (end === undefined || end > bytes.length) return undefined
    if (once.includes(number)) {
      if (wire === 2 && fields.has(number)) return undefined
      if (wire === 2) fields.set(number, bytes.subarray(length?.end, end))
    }
    at = end
  }
  return fields
}

/** Where a field ends; groups, which nobody sends, are not read. */
function endOf(bytes: Buffer, wire: number, at: number, length: number | undefined): number | undefined {
  if (wire === 0) return varint(bytes, at)?.end
  if (wire === 1) return at + 8
  if (wire === 5) return at + 4
  return length === undefined ? undefined : at + length
}

const longest = 10

/** A number of seven bits a byte; past 2^53 it is not exact, and greater than all that is asked of it. */
function varint(bytes: Buffer, from: number): { value: number; end: number } | undefined {
  let value = 0
  for (let i = 0; i < longest; i++) {
    const byte = bytes[from + i]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, end: from + i + 1 }
  }
  return undefined
}
