/** How hard a text is to guess, in bits, on the careful side: words and years count little, whatever their length. */
export function bitsOf(text: string): number {
  let bits = 0
  for (const [run] of text.matchAll(/[a-z]{3,}|[A-Z]?[a-z]{3,}|[A-Z]{4,}|\d{4,}|[^]/gu)) {
    if (/^[A-Za-z]{3,}$/.test(run)) bits += run.length * bitsOfLetter
    else if (/^\d{4,}$/.test(run)) bits += run.length * bitsOfDigit
    else bits += bitsOfOther
  }
  // What repeats says nothing new.
  return (bits * Math.min(1, new Set(text).size / 8)) | 0
}

const bitsOfLetter = 1.5
const bitsOfDigit = 2.5
const bitsOfOther = 3.5

/** Nobody guesses it, and nothing that is not it looks like it. */
export const certainBits = 60
/** Below that a text is found in files that have nothing to do with it: `postgres`, `changeme-please`. */
const leastBits = 30
/** Shorter ones are not looked for: nine bytes or fewer stand in innocent text too often. */
const leastBytes = 12

/** It is looked for at all. */
export function isWorthLooking(text: string): boolean {
  return Buffer.byteLength(text) >= leastBytes && bitsOf(text) >= leastBits
}
