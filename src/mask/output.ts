/** Collects what a stream may show now. */
export class Output {
  #bytes: Buffer
  #length = 0

  constructor(expectedBytes: number) {
    this.#bytes = Buffer.allocUnsafe(expectedBytes)
  }

  push(source: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * needed)
      this.#bytes.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    this.#length += source.copy(this.#bytes, this.#length, start, end)
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }
}
