import { writeFileSync } from 'node:fs'
import { pemKeyId } from '../attest/sign/index.ts'
import { MayflyError } from '../lib/index.ts'
import { serverOf } from './operator-api.ts'
import { print } from './output.ts'
import { fetchTrust } from './trust-fetch.ts'

export async function fetchRoot(options: {
  server?: string
  out?: string
  root?: string
  json: boolean
}): Promise<void> {
  const server = serverOf(options)
  const { opened, notes, isFirstUse, unanswered } = await fetchTrust(server, options)
  if (unanswered !== undefined)
    throw new MayflyError(
      'upstream_unreachable',
      `${server} does not say whom to trust now (${unanswered}): nothing was written`,
    )
  // One line: gh reads roots line by line.
  const text = `${JSON.stringify(opened.trustedRoot)}\n`
  const keys = opened.root.map(pemKeyId)
  for (const line of notes) process.stderr.write(`mayfly: ${line}\n`)
  if (options.out === undefined) {
    process.stdout.write(text)
    return
  }
  writeFileSync(options.out, text)
  const { version, expiresMs } = opened
  const expires = expiresMs === undefined ? null : new Date(expiresMs).toISOString()
  print(options.json, { server, version, expires, root: keys, first_use: isFirstUse, file: options.out }, [
    `version ${version} of the trust document of ${server}: ${options.out}${expires === null ? '' : `, good until ${expires}`}`,
  ])
}
