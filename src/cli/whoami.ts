import { readEnvironment } from '../config/environment.ts'
import { MayflyError } from '../lib/index.ts'
import { fetchIdentityToken } from '../runner/index.ts'
import { callServer, createOperatorApi, findOperatorToken, serverOf } from './operator-api.ts'
import { exitCodes, print, table } from './output.ts'
import { visible } from './story.ts'

interface Options {
  server?: string
  job: boolean
  json: boolean
}

interface OperatorIs {
  kind: 'token' | 'person'
  id: string
  name: string
  scopes: string[]
  expires: string | null
  groups?: string[]
  permissions?: string[]
}

interface JobIs {
  issuer: string
  attributes: Record<string, string>
  roles: { name: string; approval: boolean }[]
}

/** `mayfly whoami`: an operator by their token; else, and with `--job`, the CI job by its identity token. */
export async function whoami(options: Options): Promise<number> {
  const server = serverOf(options)
  const isJob = options.job || findOperatorToken(server) === undefined
  return isJob ? await tellJob(server, options) : await tellOperator(server, options)
}

async function tellOperator(server: string, options: Options): Promise<number> {
  const me = await createOperatorApi({ server }).call<OperatorIs>('GET', '/v1/whoami')
  const rows = [
    ['server', server],
    [me.kind === 'person' ? 'person' : 'API token', `${me.name} (${me.id})`],
    ...(me.groups === undefined ? [] : [['groups', listed(me.groups)]]),
    ...(me.permissions === undefined ? [] : [['permissions', listed(me.permissions)]]),
    ['scopes', listed(me.scopes)],
    ['expires', me.expires ?? 'never'],
  ]
  print(options.json, { server, ...me }, table(rows).map(visible))
  return exitCodes.ok
}

async function tellJob(server: string, options: Options): Promise<number> {
  const environment = readEnvironment()
  const { identitySource: source } = environment
  if (source.kind === 'none')
    throw new MayflyError(
      'unauthorized',
      options.job
        ? `this job has no identity token: ${source.hint}`
        : 'nobody: there is no API token (MAYFLY_TOKEN, or mayfly login), and no identity token of a CI job',
    )
  const audience = environment.audience ?? server
  const token = await fetchIdentityToken({ environment, audience, untrusted: [process.cwd()] })
  const me = await callServer<JobIs>(server, 'POST', '/v1/whoami', {
    body: { identity_token: token.reveal() },
  })
  const opens = me.roles.map(({ name, approval }) => (approval ? `${name} (people must approve)` : name))
  print(
    options.json,
    { server, ...me },
    table([
      ['server', server],
      ['issuer', me.issuer],
      ...Object.entries(me.attributes),
      ['roles', opens.length === 0 ? 'none opens (mayfly explain tells an operator why)' : opens.join(', ')],
    ]).map(visible),
  )
  return opens.length === 0 ? exitCodes.refused : exitCodes.ok
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}
