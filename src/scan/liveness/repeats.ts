/** So many letters and digits in a row are looked for, ... */
const run = 5
/** ... and so many in all are no chance. */
const most = 8

/**
 * Says which of some texts repeat a secret: plain, in hex or base64, forwards or backwards, in capitals, with whatever is put between its
 * letters, escaped, or in pieces, in one text or several. The time is linear in the secret and the texts.
 */
export function createRepeats(secrets: readonly string[]): (texts: readonly string[]) => boolean[] {
  return (texts) => {
    const forms = secrets.flatMap(formsOf).map(lettersOf)
    const read = texts.map(unescaped)
    const plain = repeatedIn(texts, forms)
    if (read.every((text, i) => text === texts[i])) return plain
    return repeatedIn(read, forms).map((one, i) => one || plain[i] === true)
  }
}

function repeatedIn(texts: readonly string[], forms: readonly Uint8Array[]): boolean[] {
  const all = texts.map(lettersOf)
  const letters = Buffer.concat(all)
  const places = new Map<number, number[]>()
  eachRun(letters, (number, at) => {
    const known = places.get(number)
    if (known === undefined) places.set(number, [at])
    else known.push(at)
  })
  const isIn = new Uint8Array(letters.length)
  const mark = (number: number) => {
    const known = places.get(number)
    if (known === undefined) return
    for (const at of known) isIn.fill(1, at, at + run)
    places.delete(number)
  }
  for (const form of forms) {
    eachRun(form, mark)
    eachRun(form.toReversed(), mark)
  }
  if (isIn.reduce((sum, one) => sum + one, 0) < most) return texts.map(() => false)
  let from = 0
  return all.map(({ length }) => {
    from += length
    return isIn.subarray(from - length, from).includes(1)
  })
}

const base = 36

/** Each run of letters, as a number. */
function eachRun(letters: Uint8Array, visit: (number: number, at: number) => void): void {
  const highest = base ** (run - 1)
  let number = 0
  for (let i = 0; i < letters.length; i++) {
    number = (number % highest) * base + (letters[i] as number)
    if (i >= run - 1) visit(number, i - run + 1)
  }
}

/** Its letters and digits, whatever their case or width; all else is what may stand between. */
function lettersOf(text: string): Uint8Array {
  const folded = text.normalize('NFKC')
  const letters = new Uint8Array(folded.length)
  let count = 0
  for (let i = 0; i < folded.length; i++) {
    const code = folded.charCodeAt(i)
    if (code >= 0x30 && code <= 0x39) letters[count++] = code - 0x30
    else if (code >= 0x41 && code <= 0x5a) letters[count++] = code - 0x41 + 10
    else if (code >= 0x61 && code <= 0x7a) letters[count++] = code - 0x61 + 10
  }
  return letters.subarray(0, count)
}

function unescaped(text: string): string {
  return text.replaceAll(
    /%([0-9a-f]{2})|\\x([0-9a-f]{2})|\\u00([0-9a-f]{2})|&#x([0-9a-f]{2});|&#([0-9]{2,3});/gi,
    (_, ...[a, b, c, d, e]: (string | undefined)[]) =>
      String.fromCharCode(e === undefined ? Number.parseInt(a ?? b ?? c ?? d ?? '0', 16) : Number(e)),
  )
}

/** Without the words that all secrets of a kind begin with, which vendors say, too. */
function formsOf(secret: string): string[] {
  const own = secret.replace(/^(?:[a-z]{2,10}[_.-]){1,3}(?=.{12})/, '')
  const bytes = Buffer.from(secret)
  // In base64 it may begin at any of three places.
  const base64 = [0, 1, 2].map((lead) =>
    Buffer.concat([Buffer.alloc(lead), bytes])
      .toString('base64')
      .slice(lead === 0 ? 0 : 4),
  )
  return [own, bytes.toString('hex'), ...base64]
}
