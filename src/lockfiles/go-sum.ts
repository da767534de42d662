import { MayflyError } from '../lib/index.ts'
import type { Pin, Tell } from './pin.ts'

/**
 * Reads go.sum and go.work.sum: lines `MODULE VERSION h1:BASE64` for the module's files, and `MODULE VERSION/go.mod h1:BASE64` for
 * its go.mod (go.dev/ref/mod#go-sum-files). `integrity` is `h1-BASE64`: no digest of one file, but dirhash's of a list of
 * digests. Lines with another hash pin nothing, as for go. Throws `bad_input`.
 */
export function readGoSum(text: string, tell: Tell): Pin[] {
  const pins: Pin[] = []
  for (const [at, line] of text.split('\n').entries()) {
    const fields = line.split(/[ \t\r]+/).filter((field) => field !== '')
    if (fields.length === 0) continue
    const [name = '', versioned = '', hash = ''] = fields
    if (fields.length !== 3)
      throw new MayflyError('bad_input', `go.sum, line ${at + 1}: not MODULE VERSION HASH: run go mod tidy`)
    if (!/^h1:[A-Za-z0-9+/]{43}=$/.test(hash)) {
      tell.gap(line, 'its hash is none of h1:', at + 1)
      continue
    }
    const isMod = versioned.endsWith('/go.mod')
    pins.push({
      ecosystem: 'golang',
      name,
      version: isMod ? versioned.slice(0, -'/go.mod'.length) : versioned,
      file: isMod ? 'go.mod' : 'zip',
      integrity: `h1-${hash.slice('h1:'.length)}`,
    })
  }
  return pins
}
