/** Offsets of the output that are masked: ascending, apart from each other. Touching ranges become one. */
export class Ranges {
  #starts: number[] = []
  #ends: number[] = []
  #names: ReadonlySet<string>[] = []

  get count(): number {
    return this.#starts.length
  }

  start(index: number): number {
    return this.#starts[index] as number
  }

  end(index: number): number {
    return this.#ends[index] as number
  }

  /** The secrets that stand in it. */
  names(index: number): ReadonlySet<string> {
    return this.#names[index] as ReadonlySet<string>
  }

  add(start: number, end: number, names: ReadonlySet<string>): void {
    const last = this.count - 1
    // Hits come nearly in order; the exception is found from the end.
    let at = last
    while (at >= 0 && this.start(at) > end) at--
    let first = at
    let mergedStart = start
    let mergedEnd = end
    let mergedNames = names
    while (first >= 0 && this.end(first) >= start) {
      mergedStart = Math.min(mergedStart, this.start(first))
      mergedEnd = Math.max(mergedEnd, this.end(first))
      mergedNames = union(this.names(first), mergedNames)
      first--
    }
    const merged = at - first
    if (merged === 1) {
      this.#starts[at] = mergedStart
      this.#ends[at] = mergedEnd
      this.#names[at] = mergedNames
      return
    }
    this.#starts.splice(first + 1, merged, mergedStart)
    this.#ends.splice(first + 1, merged, mergedEnd)
    this.#names.splice(first + 1, merged, mergedNames)
  }

  /** Forgets what ends at or before `offset` and counts offsets from `origin` on. */
  rebase(offset: number, origin: number): void {
    if (this.count === 0) return
    const kept = this.#ends.findIndex((end) => end > offset)
    const from = kept === -1 ? this.count : kept
    this.#starts = this.#starts.slice(from).map((start) => Math.max(0, start - origin))
    this.#ends = this.#ends.slice(from).map((end) => end - origin)
    this.#names = this.#names.slice(from)
  }
}

// Most often they are the same: the forms of one secret share their set.
function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (b.isSubsetOf(a)) return a
  return a.isSubsetOf(b) ? b : a.union(b)
}
