import { CleanView } from './clean-view.ts'
import { minVisibleBytes } from './forms.ts'
import { isFormByte, liveStart, SpacedView } from './live.ts'
import { Output } from './output.ts'
import type { PatternSet } from './pattern-set.ts'
import { Ranges } from './ranges.ts'
import { scan, verify, type OnAnchor, type OnHit } from './scan.ts'

/** Longer occurrences (white space or ANSI sequences stuffed in) are not found: memory stays bounded. */
export const maxSpanBytes = 262_144
const pieceBytes = 65_536
const nobody: ReadonlySet<string> = new Set()

/** What happens after the bytes at hand: more may come, nothing came for a while, nothing will come. */
type Mode = 'more' | 'idle' | 'end'

/**
 * One output stream. It keeps the bytes that a form may still reach back to; offsets are into that store.
 * `#shown`: bytes before it were handed out or masked. `#scanFrom`: no form that is still unfinished, and
 * none that is still to be found, begins before it.
 */
export class Stream {
  readonly #set: PatternSet
  readonly #replacement: Buffer
  readonly #maxRunBytes: number
  readonly #onSeen: (name: string) => void
  readonly #onMask: (start: number, end: number) => void
  // Where the store begins in all that was written.
  #origin = 0
  // The secrets of the mask that was shown last: it may go on.
  readonly #counted = new Set<string>()
  readonly #clean = new CleanView()
  readonly #ranges = new Ranges()
  readonly #spaced = new SpacedView()
  #store = Buffer.alloc(0)
  #length = 0
  #shown = 0
  #scanFrom = 0
  #version = -1
  // The last thing shown was a mask that reaches up to #shown: what touches it needs no other.
  #masking = false
  // A masked base64 run reached the end of the store; what comes of it is masked as it comes.
  #runOpen = false
  // From #runStart to #runKnownTo all bytes are of one run; saves looking at a long run at every write.
  #runStart = 0
  #runKnownTo = 0

  constructor(
    set: PatternSet,
    replacement: Buffer,
    maxRunBytes: number,
    onSeen: (name: string) => void,
    onMask: (start: number, end: number) => void = () => undefined,
  ) {
    this.#set = set
    this.#replacement = replacement
    this.#maxRunBytes = maxRunBytes
    this.#onSeen = onSeen
    this.#onMask = onMask
  }

  write(chunk: Uint8Array): Buffer {
    if (this.#set.size === 0 && this.#length === 0) return Buffer.from(chunk)
    const out = new Output(this.#length - this.#shown + chunk.length + this.#replacement.length)
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      this.#append(chunk.subarray(at, at + pieceBytes))
      this.#advance(out, 'more')
    }
    return out.take()
  }

  /** How many of the bytes that were written are shown or masked. */
  get heldFrom(): number {
    return this.#origin + this.#shown
  }

  flushIdle(): Buffer {
    return this.#finish('idle')
  }

  end(): Buffer {
    return this.#finish('end')
  }

  #finish(mode: Mode): Buffer {
    const out = new Output(this.#length - this.#shown + this.#replacement.length)
    if (this.#length > 0) this.#advance(out, mode)
    return out.take()
  }

  #append(piece: Uint8Array): void {
    const needed = this.#length + piece.length
    if (needed > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(4096, 2 * needed))
      this.#store.copy(grown, 0, 0, this.#length)
      this.#store = grown
    }
    this.#store.set(piece, this.#length)
    const before = this.#length
    this.#length = needed
    if (!this.#runOpen) return
    const end = this.#runEnd(before)
    if (end > before) this.#ranges.add(before, end, nobody)
    this.#runOpen = end === this.#length
  }

  #advance(out: Output, mode: Mode): void {
    if (this.#version !== this.#set.version) this.#startOver()
    const cleaned = this.#clean.fill(this.#store, this.#scanFrom, this.#length, mode === 'end')
    this.#findHits(cleaned)
    const live = mode === 'end' ? this.#length : this.#liveStart(cleaned, false)
    let scanFrom = live
    if (mode !== 'end' && cleaned) scanFrom = this.#clean.outsideSequence(live)
    this.#emit(out, this.#holdFrom(mode, live, cleaned))
    this.#drop(scanFrom)
  }

  // A secret was registered: it may stand, whole or begun, in what is held.
  #startOver(): void {
    this.#version = this.#set.version
    this.#scanFrom = 0
    this.#runStart = 0
    this.#runKnownTo = 0
  }

  #findHits(cleaned: boolean): void {
    // Many hits in one long run: it is walked once. A hit that begins earlier reaches further back.
    let runHit = 0
    let runTo = 0
    const hit: OnHit = (start, end, { kind, names }) => {
      const widen = kind === 'base64'
      if (end - start > maxSpanBytes) return
      if (!widen || (start >= runHit && end <= runTo)) return this.#ranges.add(start, end, names)
      // The rest of the run says what surrounds the secret, and its edges hold some of the secret's bits.
      runHit = start
      const runFrom = this.#runBefore(start, Math.max(0, start - this.#maxRunBytes))
      runTo = this.#runEnd(end)
      this.#ranges.add(runFrom, runTo, names)
      if (runTo === this.#length) this.#runOpen = true
    }
    const clean = this.#clean
    const cleanHit: OnHit = (start, end, form) =>
      hit(clean.toOutput(start), clean.toOutput(end - 1) + 1, form)
    const cleanAnchor: OnAnchor = (anchors, at) => verify(anchors, clean.bytes, at, 0, clean.length, cleanHit)
    scan(this.#set, this.#store, this.#scanFrom, this.#length, (anchors, at) => {
      verify(anchors, this.#store, at, this.#scanFrom, this.#length, hit)
      if (!cleaned) return
      const cleanAt = clean.fromOutput(at)
      if (cleanAt < clean.length && clean.toOutput(cleanAt) === at) cleanAnchor(anchors, cleanAt)
    })
    if (!cleaned) return
    // Four bytes that follow each other in the view do so in the output too, save around a sequence.
    clean.eachSeam(minVisibleBytes - 1, (start, end) => scan(this.#set, clean.bytes, start, end, cleanAnchor))
  }

  #runBefore(at: number, floor: number): number {
    let start = at
    while (start > floor && isFormByte(this.#store[start - 1] as number)) start--
    return start
  }

  #runEnd(at: number): number {
    let end = at
    while (end < this.#length && isRunByte(this.#store[end] as number)) end++
    return end
  }

  #liveStart(cleaned: boolean, ignoreWeak: boolean): number {
    const oldest = Math.max(this.#scanFrom, this.#length - maxSpanBytes)
    const raw = liveStart(this.#set, this.#store, oldest, this.#length, ignoreWeak, this.#spaced)
    if (!cleaned) return raw
    const clean = this.#clean
    const at = liveStart(
      this.#set,
      clean.bytes,
      clean.fromOutput(oldest),
      clean.length,
      ignoreWeak,
      this.#spaced,
    )
    const cleanLive = at === clean.length ? this.#length : clean.toOutput(at)
    // An unfinished sequence is kept to be read as a whole, but is no reason to keep a quiet step waiting.
    const pending = ignoreWeak || clean.pendingAt === -1 ? this.#length : clean.pendingAt
    return Math.min(raw, cleanLive, pending)
  }

  /** Where the bytes begin that may not be shown yet. */
  #holdFrom(mode: Mode, live: number, cleaned: boolean): number {
    if (mode === 'end') return this.#length
    if (mode === 'idle') {
      this.#runStart = this.#runKnownTo = live
      return this.#liveStart(cleaned, true)
    }
    if (!this.#set.hasBase64) return live
    // A hit at `live` would mask its run from here on.
    const floor = Math.max(Math.min(live, this.#runKnownTo), live - this.#maxRunBytes)
    const start = this.#runBefore(live, floor)
    this.#runStart = start === this.#runKnownTo ? this.#runStart : start
    this.#runKnownTo = live
    this.#runStart = Math.max(this.#runStart, live - this.#maxRunBytes)
    return this.#runStart
  }

  #emit(out: Output, hold: number): void {
    for (let k = 0; k < this.#ranges.count; k++) {
      const end = this.#ranges.end(k)
      if (end <= this.#shown) continue
      const start = Math.max(this.#ranges.start(k), this.#shown)
      if (start >= hold) break
      if (start > this.#shown) this.#show(out, start)
      if (!this.#masking) this.#beginMask(out)
      this.#count(this.#ranges.names(k))
      this.#shown = Math.min(end, hold)
      this.#onMask(this.#origin + start, this.#origin + this.#shown)
    }
    if (hold > this.#shown) this.#show(out, hold)
  }

  #beginMask(out: Output): void {
    out.push(this.#replacement, 0, this.#replacement.length)
    this.#masking = true
    this.#counted.clear()
  }

  #count(names: ReadonlySet<string>): void {
    for (const name of names) {
      if (this.#counted.has(name)) continue
      this.#counted.add(name)
      this.#onSeen(name)
    }
  }

  #show(out: Output, end: number): void {
    out.push(this.#store, this.#shown, end)
    this.#shown = end
    this.#masking = false
  }

  #drop(scanFrom: number): void {
    const origin = Math.min(scanFrom, this.#shown)
    this.#ranges.rebase(this.#shown, origin)
    this.#store.copyWithin(0, origin, this.#length)
    this.#length -= origin
    this.#origin += origin
    this.#shown -= origin
    this.#scanFrom = scanFrom - origin
    this.#runStart = Math.max(0, this.#runStart - origin)
    this.#runKnownTo = Math.max(0, this.#runKnownTo - origin)
  }
}

// Padding ends a run but belongs to it.
function isRunByte(byte: number): boolean {
  return byte === 0x3d || isFormByte(byte)
}
