import { accessSync, constants, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { MayflyError, messageOf } from '../lib/index.ts'

/**
 * `NAME=PATH` of each program that may rotate secrets. It is told their values, so nobody else may be able to change it. Throws
 * `bad_input`.
 */
export function rotatorPrograms(given: readonly string[]): ReadonlyMap<string, string> {
  const programs = new Map<string, string>()
  for (const one of given) {
    const [, name = '', path = ''] = /^([a-z][a-z0-9-]{0,62})=(.+)$/.exec(one) ?? []
    if (name === '' || !isAbsolute(path))
      throw new MayflyError(
        'bad_input',
        '--rotator takes NAME=PATH, such as --rotator ldap=/usr/local/libexec/rotate-ldap',
      )
    if (programs.has(name)) throw new MayflyError('bad_input', `--rotator ${name} is given twice`)
    programs.set(name, checked(name, path))
  }
  return programs
}

function checked(name: string, path: string): string {
  try {
    const stat = statSync(path)
    if (!stat.isFile()) throw new Error('it is no file')
    if ((stat.mode & 0o022) !== 0) throw new Error('others may write to it: chmod go-w it')
    accessSync(path, constants.X_OK)
    return path
  } catch (cause) {
    throw new MayflyError('bad_input', `--rotator ${name}=${path}: ${messageOf(cause)}`, { cause })
  }
}
