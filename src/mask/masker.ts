import type { Secret } from '../lib/index.ts'
import { Dumps } from './dumps.ts'
import { formsOf, minFormBytes, minVisibleBytes, isVisible, type Form } from './forms.ts'
import { PatternSet } from './pattern-set.ts'
import { Stream } from './stream.ts'

export interface MaskerOptions {
  /** What stands in the output instead of a secret; `***` unless given. */
  readonly replacement?: string
  /** How far before a base64 hit its run is masked too, and so held back, in bytes; 4096 unless given. */
  readonly maxRunBytes?: number
}

/**
 * Whether a secret is looked for from now on, and in how many forms.
 * Refused are: `too_short`, fewer than 6 bytes once trimmed, since masking `abc` would destroy the output;
 * `too_blank`, fewer than 4 bytes that are neither white space nor control characters; `too_long`, more
 * than 262,144 bytes. What is refused is NOT masked: the caller decides whether the step may run.
 */
export type AddResult =
  | { readonly ok: true; readonly forms: number }
  | {
      readonly ok: false
      readonly reason: 'too_short' | 'too_blank' | 'too_long'
      readonly limitBytes: number
    }

/** A secret of the list given to `createMasker` that is not masked, by its place in that list. */
export interface RefusedSecret {
  readonly index: number
  readonly result: Extract<AddResult, { ok: false }>
}

/** The stream of one file descriptor of a step. What it returns is the caller's to keep. */
export interface MaskStream {
  /** Takes the next bytes (the caller may reuse them) and returns those that may be shown now. */
  write(chunk: Uint8Array): Buffer
  /**
   * For a timer, when nothing was written for a while: returns what is held, up to the first byte from
   * which a form may be under way. A form is never cut by it, save one that white space wraps and of which
   * fewer than 4 characters were held, and the sign of an escape: those may show, the rest is still masked.
   */
  flushIdle(): Buffer
  /** Returns everything left, masked. Call it once, after the last write. */
  end(): Buffer
}

export interface Masker {
  /** The secrets of `createMasker` that were refused; empty when all are masked. */
  readonly refused: readonly RefusedSecret[]
  /** Registers a secret for all streams, open ones included, from the next call on. Never throws. `fewForms` as in `formsOf`. */
  add(secret: Secret, options?: { readonly fewForms?: boolean }): AddResult
  /** The same of many, in the time of one look at what is known already; the results are in their order. */
  addAll(secrets: readonly Secret[], options?: { readonly fewForms?: boolean }): readonly AddResult[]
  /**
   * A new stream; stdout and stderr need one each. `onSeen` is told the name of each secret that a mask hides: a monitor may
   * want to know that a step printed it. Once for each mask, whatever forms it hides.
   */
  stream(onSeen?: (name: string) => void): MaskStream
  /** A whole text of any length, masked piece by piece. */
  pieces(source: Iterable<Uint8Array>, onSeen?: (name: string) => void): Iterable<Buffer>
}

const maxSecretBytes = 262_144
/** Of base64 in a dump no more is masked than around what was found: rows are held for it. */
const dumpRunBytes = 64
/** What a secret is called that has no name; no variable can have this one. */
const unnamed = '(unnamed)'

/** A masker for the secrets of one step; see `refused` for those it does not mask. */
export function createMasker(secrets: readonly Secret[], options: MaskerOptions = {}): Masker {
  const set = new PatternSet()
  const replacement = Buffer.from(options.replacement ?? '***')
  const maxRunBytes = options.maxRunBytes ?? 4096
  const results = addAll(set, secrets)
  const stream = (onSeen: (name: string) => void = () => undefined): MaskStream => {
    const inner = new Stream(set, replacement, maxRunBytes, onSeen)
    const dumps = new Dumps((onMask) => {
      const decoded = new Stream(set, replacement, dumpRunBytes, onSeen, onMask)
      return {
        write: (bytes) => void decoded.write(bytes),
        flushIdle: () => void decoded.flushIdle(),
        end: () => void decoded.end(),
        heldFrom: () => decoded.heldFrom,
      }
    }, replacement)
    return {
      write: (chunk) => inner.write(set.size === 0 ? chunk : dumps.write(chunk)),
      flushIdle: () => Buffer.concat([inner.write(dumps.flushIdle()), inner.flushIdle()]),
      end: () => Buffer.concat([inner.write(dumps.end()), inner.end()]),
    }
  }
  return {
    refused: results.flatMap((result, index) => (result.ok ? [] : [{ index, result }])),
    add: (secret, { fewForms = false } = {}) => addAll(set, [secret], fewForms)[0] as AddResult,
    addAll: (more, { fewForms = false } = {}) => addAll(set, more, fewForms),
    stream,
    *pieces(source, onSeen) {
      const masked = stream(onSeen)
      for (const piece of source) yield masked.write(piece)
      yield masked.end()
    },
  }
}

function addAll(set: PatternSet, secrets: readonly Secret[], fewForms = false): AddResult[] {
  const all: { name: string; forms: readonly Form[] }[] = []
  const results = secrets.map((secret): AddResult => {
    const text = secret.reveal()
    const refusal = refuse(text)
    if (refusal !== undefined) return refusal
    const forms = formsOf(text, fewForms)
    all.push({ name: secret.name ?? unnamed, forms })
    return { ok: true, forms: forms.length }
  })
  set.add(all)
  return results
}

function refuse(text: string): Extract<AddResult, { ok: false }> | undefined {
  const bytes = Buffer.from(text.trim())
  if (bytes.length < minFormBytes) return { ok: false, reason: 'too_short', limitBytes: minFormBytes }
  if (bytes.length > maxSecretBytes) return { ok: false, reason: 'too_long', limitBytes: maxSecretBytes }
  if (isVisible(bytes)) return undefined
  return { ok: false, reason: 'too_blank', limitBytes: minVisibleBytes }
}
