import { MayflyError } from '../lib/index.ts'

const digits = { sha256: 64, sha512: 128 } as const

/**
 * A digest as people write or paste it: with or without `sha256:`, in capitals, too. `sha256:HEX` in small letters; undefined for what
 * is meant as something else. Throws `bad_input` for a part of one: nothing is looked up by how it begins.
 */
export function digestIn(written: string): string | undefined {
  const parts = /^(?:(?<name>sha256|sha512)[:-])?(?<hex>[0-9a-f]*)$/i.exec(written)?.groups
  const { name, hex = '' } = parts ?? {}
  if (parts === undefined || (name === undefined && hex.length !== digits.sha256)) return undefined
  const algorithm = name?.toLowerCase() === 'sha512' ? 'sha512' : 'sha256'
  if (hex.length !== digits[algorithm])
    throw new MayflyError(
      'bad_input',
      `${written} is no whole digest: ${algorithm} has ${digits[algorithm]} hexadecimal digits, and here are ${hex.length}`,
    )
  return `${algorithm}:${hex.toLowerCase()}`
}

/** Written so that it can only be a file: `./NAME`, `../NAME` or from the root. */
export function isPath(written: string): boolean {
  return /^\.{0,2}\//.test(written)
}
