import { templateProblem, templateNames } from '../lib/index.ts'

interface Request {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly basic?: string | undefined
  readonly json?: unknown
  readonly form?: Readonly<Record<string, string>> | undefined
}

interface HttpIssuer {
  readonly admin: Readonly<Record<string, string>>
  readonly identity?: object | undefined
  readonly mint: Request
  readonly extract: Readonly<Record<string, string>>
  readonly authorization?: Readonly<Record<string, string>> | undefined
  readonly renew?: Request | undefined
  readonly revoke?: Request | undefined
  readonly revoked_within?: string | undefined
  readonly probe?: (Request & { readonly dead?: readonly number[] | undefined }) | undefined
  readonly find?: { readonly request: Request } | undefined
}

export interface TemplateProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

const ofLease = ['lease.name']
const ofStep = ['lease.ttl', 'lease.expires', 'lease.run', 'lease.step', 'lease.role']

/** What is wrong with the requests of an `http-issuer`: a name that nothing has, a field that nothing uses, one that is needed and not there. */
export function httpIssuerProblems(config: HttpIssuer): TemplateProblem[] {
  const { admin, mint, extract, renew, revoke, probe, find, authorization = {} } = config
  const secrets = Object.keys(admin).map((name) => `secret.${name}`)
  const fields = Object.keys(extract)
  const shown = config.identity === undefined ? [] : ['identity.token']
  const known = (...names: string[][]) => new Set([...ofLease, ...secrets, ...names.flat()])
  return [
    ...inRequest('mint', mint, known(ofStep, shown)),
    ...inRequest('renew', renew, known(ofStep, fields, shown)),
    ...inRequest('revoke', revoke, known(fields)),
    ...inRequest('probe', probe, known(fields)),
    ...inRequest('find', find?.request, known()).map(({ path: [first = 'find', ...rest], message }) => ({
      path: [first, 'request', ...rest],
      message,
    })),
    ...Object.entries(authorization).flatMap(([key, text]) =>
      inText(['authorization', key], text, new Set(fields)),
    ),
    ...missing(config, fields),
    ...unused(config, secrets),
  ]
}

function inRequest(
  name: string,
  request: Request | undefined,
  known: ReadonlySet<string>,
): TemplateProblem[] {
  return request === undefined
    ? []
    : textsOf(request).flatMap(([path, text]) => inText([name, ...path], text, known))
}

function inText(
  path: readonly (string | number)[],
  text: string,
  known: ReadonlySet<string>,
): TemplateProblem[] {
  const message = templateProblem(text, known)
  return message === undefined ? [] : [{ path, message }]
}

type Placed = [path: (string | number)[], text: string]

function textsOf({ url, headers, basic, json, form = {} }: Request): Placed[] {
  const named = (key: string, texts: Readonly<Record<string, string>>): Placed[] =>
    Object.entries(texts).map(([name, text]) => [[key, name], text])
  return [
    [['url'], url],
    ...(basic === undefined ? [] : [[['basic'], basic] satisfies Placed]),
    ...named('headers', headers),
    ...named('form', form),
    ...textsIn(['json'], json),
  ]
}

function textsIn(path: (string | number)[], json: unknown): Placed[] {
  if (typeof json === 'string') return [[path, json]]
  if (Array.isArray(json)) return json.flatMap((one, i) => textsIn([...path, i], one))
  if (typeof json !== 'object' || json === null) return []
  return Object.entries(json).flatMap(([key, one]) => textsIn([...path, key], one))
}

function namesOf(request: Request | undefined): string[] {
  return request === undefined ? [] : textsOf(request).flatMap(([, text]) => templateNames(text))
}

function missing(
  { extract, authorization, revoke, probe, find, revoked_within: within, mint }: HttpIssuer,
  fields: string[],
): TemplateProblem[] {
  const problems: TemplateProblem[] = []
  const isPair = fields.includes('username') && fields.includes('password')
  if (authorization === undefined && !fields.includes('token') && !isPair)
    problems.push({
      path: ['extract'],
      message:
        'nothing says what the gateway shows: extract `token`, or `username` and `password`, or write `authorization`',
    })
  const isTimed = namesOf(mint).some((name) => name === 'lease.ttl' || name === 'lease.expires')
  if (revoke === undefined && !isTimed && !fields.some((name) => name.startsWith('expires_')))
    problems.push({
      path: ['mint'],
      message:
        'nothing ends what it makes: write `revoke`, send {lease.ttl}, or extract `expires_in` or `expires_at`',
    })
  if ('expires_in' in extract && 'expires_at' in extract)
    problems.push({ path: ['extract', 'expires_at'], message: '`expires_in` says it already' })
  if (probe !== undefined && !namesOf(probe).some((name) => fields.includes(name)))
    problems.push({
      path: ['probe'],
      message: 'it does not show the credential: write {token} where it goes',
    })
  const shown = namesOf(probe).find((name) => name.startsWith('secret.'))
  if (shown !== undefined && probe?.dead?.some((status) => status === 401 || status === 403) === true)
    problems.push({
      path: ['probe', 'dead'],
      message: `401 and 403 may be the answer to {${shown}}, and say nothing of the credential: leave them out, or show {token} alone`,
    })
  if (within !== undefined && revoke === undefined)
    problems.push({ path: ['revoked_within'], message: 'there is no `revoke`' })
  if (find === undefined) return problems
  const others = namesOf(revoke).filter((name) => fields.includes(name) && name !== 'id')
  if (revoke === undefined || others.length > 0)
    problems.push({
      path: ['find'],
      message:
        revoke === undefined
          ? 'there is no `revoke` for what it finds'
          : `\`revoke\` needs {${others[0] ?? ''}}, which nobody knows of what was found: revoke by {id}`,
    })
  if (!namesOf(mint).includes('lease.name'))
    problems.push({
      path: ['find'],
      message: '`mint` gives it no name: write {lease.name} where the API takes one',
    })
  return problems
}

function unused({ admin: _, ...config }: HttpIssuer, secrets: string[]): TemplateProblem[] {
  const requests = [config.mint, config.renew, config.revoke, config.probe, config.find?.request]
  const used = new Set(requests.flatMap(namesOf))
  const idle = secrets
    .filter((name) => !used.has(name))
    .map((name) => ({ path: ['admin', name.slice('secret.'.length)], message: `no request uses {${name}}` }))
  if (config.identity === undefined || used.has('identity.token')) return idle
  return [...idle, { path: ['identity'], message: 'no request uses {identity.token}' }]
}
