import { text } from 'node:stream/consumers'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi } from './operator-api.ts'
import { print, table } from './output.ts'

interface Options {
  server?: string
  json: boolean
}

export async function setSecret(name: string, options: Options): Promise<void> {
  const value = process.stdin.isTTY
    ? await ask(`value of ${name} (not shown): `)
    : (await text(process.stdin)).replace(/\r?\n$/, '')
  if (value === '')
    throw new MayflyError(
      'bad_input',
      `no value for ${name}: write it to standard input, as in: mayfly secret set ${name} < FILE`,
    )
  const result = await createOperatorApi(options).call<{ name: string; version: number }>(
    'PUT',
    `/v1/secrets/${encodeURIComponent(name)}`,
    { value },
  )
  print(options.json, result, [`${result.name} is sealed, version ${result.version}`])
}

export async function listSecrets(options: Options): Promise<void> {
  const result = await createOperatorApi(options).call<{
    secrets: { name: string; version: number; created: string }[]
  }>('GET', '/v1/secrets')
  print(
    options.json,
    result,
    table([
      ['NAME', 'VERSION', 'CREATED'],
      ...result.secrets.map((one) => [one.name, String(one.version), one.created]),
    ]),
  )
}

/** Asks on the terminal without showing what is typed. */
function ask(question: string): Promise<string> {
  return new Promise((resolve) => {
    process.stderr.write(question)
    const { stdin } = process
    let typed = ''
    stdin.setRawMode(true).setEncoding('utf8').resume()
    const listen = (keys: string) => {
      for (const key of keys) {
        if (key === '\u0003') {
          stdin.setRawMode(false)
          process.stderr.write('\n')
          process.exit(130)
        }
        if (key === '\r' || key === '\n' || key === '\u0004') {
          stdin.setRawMode(false).pause()
          stdin.off('data', listen)
          process.stderr.write('\n')
          return resolve(typed)
        }
        typed = key === '\u007f' ? typed.slice(0, -1) : typed + key
      }
    }
    stdin.on('data', listen)
  })
}
