/** Of MD5, SHA-1 and SHA-2, in hex. */
const digest = /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/i
const ofDigests = /(?:sha[0-9]{0,3}|md5|hashes|digests?|checksums?|integrity)["']?[ \t]{0,3}:\s*$/i

/** So far up the line that a block begins with is looked for: of Podfile.lock that is the sums of 250 pods. */
const maxBlock = 16_384
const maxHeading = 128
const [newline, space, tab] = [0x0a, 0x20, 0x09]

/** In a list of digests each is named by what it is of, as `FirebaseAuth` below the `SPEC CHECKSUMS:` of CocoaPods. */
export function isOfDigests(bytes: Buffer, at: number, value: string): boolean {
  return digest.test(value) && ofDigests.test(headingOf(bytes, at))
}

/** The line above that is indented less: what the block is of in which `at` is. */
function headingOf(bytes: Buffer, at: number): string {
  const from = Math.max(0, at - maxBlock)
  let line = lineStart(bytes, at, from)
  const indentation = indentationAt(bytes, line)
  while (line > from && indentation > 0) {
    const end = line - 1
    line = lineStart(bytes, end, from)
    if (indentationAt(bytes, line) < indentation && end - line > 1)
      return bytes.toString('latin1', line, Math.min(end, line + maxHeading))
  }
  return ''
}

function lineStart(bytes: Buffer, end: number, from: number): number {
  return from + bytes.subarray(from, end).lastIndexOf(newline) + 1
}

function indentationAt(bytes: Buffer, line: number): number {
  let at = line
  while (bytes[at] === space || bytes[at] === tab) at++
  return at - line
}
