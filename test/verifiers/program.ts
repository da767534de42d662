import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../clients/suite.ts'
import type { Material, Verdict } from './case.ts'

/** The files that programs are handed. */
export function filesOf({ text, trustedRoot, publicKey, artifact }: Material, folder: string) {
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  return {
    bundle: file('bundle.sigstore.json', text),
    root: file('trusted-root.json', trustedRoot),
    artifact: file('app.tgz', artifact),
    key: publicKey === undefined ? undefined : file('key.pub', publicKey),
  }
}

/** What a program says by its exit code. A program that is not there throws. */
export function askProgram(name: string, args: readonly string[], folder: string): Verdict {
  const program = findProgram(name)
  if (program === undefined) throw new Error(`${name} is not on this machine`)
  const env = { HOME: folder, PATH: '/usr/bin:/bin', TUF_ROOT: join(folder, 'tuf') }
  const ran = spawnSync(program, args, { cwd: folder, env, encoding: 'utf8', timeout: 60_000 })
  if (ran.error !== undefined) throw ran.error
  const text = `${ran.stderr} ${ran.stdout}`.replaceAll(/\s+/g, ' ').replaceAll(folder, '')
  return { isTaken: ran.status === 0, said: text.trim().slice(0, 160) }
}
