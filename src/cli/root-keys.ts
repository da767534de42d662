import { MayflyError } from '../lib/index.ts'
import { readText } from './text-file.ts'

/** Public keys, PEM: one or several in a file. Throws `bad_input`. */
export function readRootKeys(path: string): string[] {
  const keys = readText(path).match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\r?\n?/g)
  if (keys === null)
    throw new MayflyError(
      'bad_input',
      `${path} holds no public key in PEM: mayfly attest root init makes FILE.pub`,
    )
  return [...keys]
}
