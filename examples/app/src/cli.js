import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from './config.js'
import { startServer } from './server.js'
import { readLinks, StoreError } from './store.js'
import { createToken } from './tokens.js'

const HELP = `Usage: octo-links <command> [options]

Commands:
  serve           run the service until SIGTERM or SIGINT
  token <name>    make an API token for <name>, and its entry for LINKS_TOKENS
  export          print all links as JSON lines (also while the service runs)

Options:
  --host <address>     address to listen on       (LINKS_HOST, 127.0.0.1)
  --port <number>      port to listen on, 0 = any (LINKS_PORT, 3000)
  --data <folder>      data folder                (LINKS_DATA, ./data)
  --public-url <url>   origin of short links      (LINKS_PUBLIC_URL, from the request)
  --log-level <level>  trace ... fatal, silent    (LINKS_LOG_LEVEL, info)
  -h, --help           print this
  -v, --version        print the version
`

const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  data: { type: 'string' },
  'public-url': { type: 'string' },
  'log-level': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
}

const COMMANDS = { serve, token, export: exportLinks }

/** @returns {Promise<number>} exit code: 0 done, 1 failed, 2 wrong usage */
export async function main(
  argv,
  { env = process.env, stdout = process.stdout, stderr = process.stderr } = {},
) {
  let args
  try {
    args = parseArgs({ args: argv, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    stderr.write(`octo-links: ${error.message}\n`)
    return 2
  }
  const { values, positionals } = args
  if (values.help) {
    stdout.write(HELP)
    return 0
  }
  if (values.version) {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))
    stdout.write(`${version}\n`)
    return 0
  }
  const [command, ...rest] = positionals
  if (!Object.hasOwn(COMMANDS, command ?? '') || rest.length !== (command === 'token' ? 1 : 0)) {
    stderr.write(HELP)
    return 2
  }
  try {
    return await COMMANDS[command]({ env: withFlags(env, values), operand: rest[0], stdout, stderr })
  } catch (error) {
    const expected = error instanceof ConfigError || error instanceof StoreError || error.syscall
    stderr.write(`octo-links: ${expected ? error.message : error.stack}\n`)
    return error instanceof ConfigError ? 2 : 1
  }
}

function withFlags(env, { host, port, data, 'public-url': publicUrl, 'log-level': logLevel }) {
  const flags = {
    LINKS_HOST: host,
    LINKS_PORT: port,
    LINKS_DATA: data,
    LINKS_PUBLIC_URL: publicUrl,
    LINKS_LOG_LEVEL: logLevel,
  }
  return { ...env, ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) }
}

async function serve({ env }) {
  const stopped = new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  const server = await startServer(readConfig(env))
  await stopped
  await server.close()
  return 0
}

function token({ operand, stdout, stderr }) {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(operand)) {
    stderr.write('octo-links: a name is 1 to 64 letters, digits, dots, underscores and dashes\n')
    return 2
  }
  const { token, entry } = createToken(operand)
  stdout.write(`token, for ${operand} only, shown once:\n  ${token}\nentry for LINKS_TOKENS:\n  ${entry}\n`)
  return 0
}

async function exportLinks({ env, stdout }) {
  for (const { seq, ...link } of await readLinks(env.LINKS_DATA || './data')) {
    stdout.write(`${JSON.stringify(link)}\n`)
  }
  return 0
}
