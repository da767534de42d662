import { leftOutLength } from './clean-view.ts'
import { formsOf, type Form } from './forms.ts'

interface View {
  readonly bytes: number[]
  readonly offsets: number[]
}

/**
 * What a masker must show of a whole output, found the slow and plain way: every form is tried at every
 * place of every view. For tests; `maxRunBytes` as in the masker's options, spans are not limited.
 */
export function maskSlowly(output: Uint8Array, secrets: readonly string[], maxRunBytes = 4096): Buffer {
  const masked = new Uint8Array(output.length)
  const forms = secrets.flatMap((secret) => formsOf(secret))
  const raw: View = { bytes: [...output], offsets: Array.from(output, (_, i) => i) }
  for (const view of [raw, cleaned(output)]) {
    for (const form of forms) markForm(form, view, output, masked, maxRunBytes)
  }
  const out: number[] = []
  for (let i = 0; i < output.length; i++) {
    if (masked[i] === 0) out.push(output[i] as number)
    else if (i === 0 || masked[i - 1] === 0) out.push(0x2a, 0x2a, 0x2a)
  }
  return Buffer.from(out)
}

function cleaned(output: Uint8Array): View {
  const view: View = { bytes: [], offsets: [] }
  for (let i = 0; i < output.length; i++) {
    const length = leftOutLength(output, i, output.length)
    if (length > 0) {
      i += length - 1
      continue
    }
    view.bytes.push(output[i] as number)
    view.offsets.push(i)
  }
  return view
}

function markForm(form: Form, view: View, output: Uint8Array, masked: Uint8Array, maxRunBytes: number): void {
  for (let at = 0; at < view.bytes.length; at++) {
    const last = matchAt(form, view.bytes, at)
    if (last === -1) continue
    let start = view.offsets[at] as number
    let end = (view.offsets[last] as number) + 1
    if (form.kind === 'base64') {
      const floor = Math.max(0, start - maxRunBytes)
      while (start > floor && /[\w+/-]/.test(String.fromCharCode(output[start - 1] as number))) start--
      while (end < output.length && /[\w+/=-]/.test(String.fromCharCode(output[end] as number))) end++
    }
    masked.fill(1, start, end)
  }
}

/** The place of the last byte of the form when it stands at `at`, or -1. */
function matchAt(form: Form, bytes: readonly number[], at: number): number {
  let place = at
  for (let k = 0; k < form.bytes.length; k++) {
    if (k > 0) {
      place++
      if (form.kind !== 'exact') {
        let gap = 0
        while ([0x20, 0x0a, 0x0d, 0x09].includes(bytes[place] ?? -1)) {
          if (++gap > 64) return -1
          place++
        }
      }
    }
    if (bytes[place] !== form.bytes[k]) return -1
  }
  return place
}
