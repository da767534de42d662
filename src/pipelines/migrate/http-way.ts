import { valueOf } from './commands/made-refs.ts'
import type { Command } from './commands/command.ts'
import { commandsOf } from './commands/words.ts'
import type { Way } from './model.ts'

/** How a script sends a secret to an API; `why`: in a way in which no connection can. Undefined where it does not show that. */
export type Sent = { readonly way: Way } | { readonly why: string; readonly instead: string }

const bearer: Way = { credential: 'bearer', holds: 'the token' }
const header = (name: string, prefix = ''): Way => ({
  credential: { header: name, ...(prefix === '' ? {} : { prefix }) },
  holds: 'the token',
})

/** How the tools of these services send it, by the names of replace/services.ts. No vendor could be asked: Codecov's is read in its CLI. */
const usual: Readonly<Record<string, Sent>> = {
  anthropic: { way: header('x-api-key') },
  codecov: { way: header('Authorization', 'token ') },
  datadog: { way: header('DD-API-KEY') },
  discord: { way: header('Authorization', 'Bot ') },
  fury: { way: { credential: 'basic', holds: 'TOKEN:' } },
  nuget: { way: header('X-NuGet-ApiKey') },
  snyk: { way: header('Authorization', 'token ') },
  vault: { way: header('X-Vault-Token') },
  vscode: { way: { credential: 'basic', holds: 'USER:TOKEN' } },
  ovsx: inAddress('token'),
}

/** What the table knows of a service's tools; by default a bearer token (RFC 6750). */
export function usualWay(id: string): Sent {
  return usual[id] ?? { way: bearer }
}

/** How the commands of a script send what one of these variables, or an expression of that secret, has. */
export function sentIn(script: string, names: readonly string[]): Sent | undefined {
  const found = waysIn(script, names)
  const [first] = found
  const other = found.find((one) => JSON.stringify(one) !== JSON.stringify(first))
  return other === undefined || first === undefined
    ? first
    : (unsentAmong(found) ?? { why: 'it is sent in several ways', instead: 'send it in one' })
}

/** Why no gateway can add what the commands send of it: a field of a form, a parameter. Undefined where they send it in headers alone. */
export function unsentIn(script: string, names: readonly string[]): Unsent | undefined {
  return unsentAmong(waysIn(script, names))
}

type Unsent = Extract<Sent, { readonly why: string }>

function unsentAmong(found: readonly Sent[]): Unsent | undefined {
  return found.flatMap((one) => ('why' in one ? [one] : []))[0]
}

/** Does each request that has it go to this host, by an address that the script says? */
export function goesTo(host: string, script: string, names: readonly string[]): boolean {
  const { holder } = patternOf(names)
  return commandsOf(script).every(
    ({ program, words }) =>
      !client.test(program) ||
      !words.some((word) => holder.test(word)) ||
      words.some((word) => hostOf(filledIn(word, script)) === host),
  )
}

/** `API=https://HOST/v1; curl "$API/x"`: with what the script sets once. */
function filledIn(word: string, script: string): string {
  return word.replace(/^(?:\$\{[A-Za-z_]\w*\}|\$[A-Za-z_]\w*)/, (name) => valueOf(name, script))
}

function hostOf(word: string): string | undefined {
  return /^(?:--url=)?https:\/\/(?:[^@/?#]*@)?([^/?#:]+)(?::443)?(?=[/?#]|$)/i.exec(word)?.[1]?.toLowerCase()
}

const client = /^(?:curl|wget|http|https|xh)$/

function patternOf(names: readonly string[]): Pattern {
  const any = names.map((name) => name.replaceAll(/[^\w-]/g, String.raw`\$&`)).join('|')
  const own = String.raw`\$\{?(?:env:)?(?:${any})\}?(?![\w])|\$\{\{\s*secrets\.(?:${any})\s*\}\}`
  return { holder: new RegExp(own), whole: new RegExp(`^(?:${own})$`) }
}

function waysIn(script: string, names: readonly string[]): Sent[] {
  const pattern = patternOf(names)
  const commands = commandsOf(script)
  const found = commands.flatMap(({ program, words }) =>
    client.test(program)
      ? words.flatMap((word, i) =>
          pattern.holder.test(word) ? [sentBy(word, words[i - 1] ?? '', pattern)] : [],
        )
      : [],
  )
  return isInFile(commands, pattern) ? [...found, inBody] : found
}

/** `echo "{$TOKEN}" > a.json; curl -d @a.json`, or by a pipe to `-d @-`. */
function isInFile(commands: readonly Command[], { holder }: Pattern): boolean {
  const takes = commands.flatMap(({ program, words }) =>
    client.test(program) ? words.filter((word) => /^(?:-d|[\w-]+=)?@./.test(word)) : [],
  )
  return (
    takes.length > 0 &&
    commands.some(
      ({ program, words }) =>
        /^(?:echo|printf|jq)$/.test(program) &&
        words.some((word) => holder.test(word)) &&
        (words.some((word) => /^>(?!&)/.test(word)) || takes.some((word) => word.endsWith('@-'))),
    )
  )
}

const inBody: Unsent = {
  why: 'it is sent in the body of a request, or in a way that is not understood: the gateway adds a credential to headers alone',
  instead: 'send it as the API takes it in a header, if it does',
}

interface Pattern {
  readonly holder: RegExp
  readonly whole: RegExp
}

function sentBy(word: string, before: string, pattern: Pattern): Sent {
  const [, name = '', glued] = /^(--[a-z0-9-]+)=([^]*)$/.exec(word) ?? []
  const option = glued === undefined ? before : name
  const value = glued ?? word
  // `-sH` is `-s -H`.
  if (/^(?:-[a-zA-Z]*H|--header)$/.test(option) || /^-H./.test(word))
    return inHeader(value.replace(/^-H/, ''), pattern)
  if (/^(?:-[a-zA-Z]*u|--user)$/.test(option) || /^-u./.test(word))
    return asUser(value.replace(/^-u/, ''), pattern)
  if (/^(?:--http-password|--password)$/.test(option) && pattern.whole.test(value))
    return { way: { credential: 'basic', holds: 'USER:TOKEN' } }
  if (option === '--oauth2-bearer' && pattern.whole.test(value)) return { way: bearer }
  if (/^https?:\/\//.test(value)) return inUrl(value, pattern)
  if (/^[\w-]+:(?!=)/.test(value) && !option.startsWith('-')) return inHeader(value, pattern)
  return inBody
}

function inHeader(value: string, { holder, whole }: Pattern): Sent {
  const [, name = '', text = ''] = /^\s*([\w-]+)\s*:\s*([^]*?)\s*$/.exec(value) ?? []
  const at = text.search(holder)
  const prefix = text.slice(0, Math.max(at, 0))
  if (
    name === '' ||
    at === -1 ||
    !whole.test(text.slice(at)) ||
    !/^[\w .:=@/+-]*$/.test(prefix) ||
    /^cookie$/i.test(name)
  )
    return {
      why: `it is a part of the header ${name}, which holds more than it`,
      instead: 'send it in a header of its own',
    }
  if (/^authorization$/i.test(name) && /^bearer $/i.test(prefix)) return { way: bearer }
  if (/^authorization$/i.test(name) && /^basic $/i.test(prefix))
    return { way: { ...header(name, prefix), holds: 'what stands behind Basic, in base64' } }
  return { way: header(name, prefix) }
}

/** `bot:$P`, `$TOKEN:`, or both in one secret: RFC 7617. */
function asUser(value: string, { holder, whole }: Pattern): Sent {
  const basic = (holds: string): Sent => ({ way: { credential: 'basic', holds } })
  if (whole.test(value)) return basic('USER:PASSWORD')
  const colon = value.search(/:(?![-+=?])/)
  const [user, password] = [value.slice(0, colon), value.slice(colon + 1)]
  if (colon !== -1 && whole.test(password))
    return basic(/^[\w.@+-]+$/.test(user) ? `${user}:TOKEN` : 'USER:TOKEN')
  if (colon !== -1 && whole.test(user))
    return basic(/^[\w.@+-]*$/.test(password) ? `TOKEN:${password}` : 'USER:TOKEN')
  return {
    why: holder.test(user) ? 'it is a part of the user’s name' : 'it is a part of the password',
    instead: 'give the whole of it',
  }
}

function inUrl(url: string, pattern: Pattern): Sent {
  const login = /^https?:\/\/([^/?#]*)@/.exec(url)?.[1]
  if (login !== undefined && pattern.holder.test(login)) return asUser(login, pattern)
  const names = [...url.matchAll(/[?&]([\w.-]+)=([^&]*)/g)].flatMap(([, name, value = '']) =>
    pattern.holder.test(value) ? (name ?? []) : [],
  )
  return inAddress(names[0])
}

/** The gateway refuses a request that has a parameter for a credential, the word in it or not. */
function inAddress(parameter: string | undefined): { readonly why: string; readonly instead: string } {
  return parameter === undefined
    ? {
        why: 'it is a part of the address, where the gateway can add no credential',
        instead: 'send it in a header, if the API takes it there',
      }
    : {
        why: `it is the parameter ${parameter} of the address, and the gateway refuses what has one already`,
        instead: `leave the parameter out of the script, and give the connection credential: { query: { name: ${parameter}, secret: ... } }`,
      }
}
