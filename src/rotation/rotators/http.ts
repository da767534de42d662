import { MayflyError, Secret } from '../../lib/index.ts'
import { secretName, type RotatorConfig } from '../../config/index.ts'
import {
  namesIn,
  textAt,
  writeRequest,
  type HttpAnswer,
  type Values,
  type WrittenRequest,
} from '../../http-client/index.ts'
import type { Plain, Rotator, RotatorTools, Version, Work } from '../rotator.ts'
import { generated } from './generated.ts'

type Config = RotatorConfig<'http'>

/** API keys, passwords of registries: any API, by requests that mayfly.yaml has. */
export const httpRotator: Rotator<'http'> = {
  name: 'http',
  tells: 'asks the API for a new value, probes it, and revokes the old one when no step has it any more',
  inPlace: ({ in_place }) => in_place,
  refusesPlainly: true,
  async plan({ config }) {
    const { generate, keep } = config
    if (generate === undefined) return { plan: null }
    return { plan: null, value: new Secret(keep.replace('{value}', () => generated(generate))) }
  },
  /** The request that finds what was made is made with the admin's secret, most often, and changes nothing. */
  async tryOut(work, tools) {
    const { find, secrets } = work.config
    for (const reference of Object.values(secrets)) await tools.openSecret(secretName(reference))
    if (find === undefined || find.request.method !== 'GET') return
    const answer = await ask(find.request, work, work.new, tools)
    if (answer.status !== 404) refuseOthers(answer, 'find')
  },
  async create(work, tools) {
    const { config } = work
    // Whether it can be told or not: before anything is ended it is asked again.
    const oldId = endsById(config) ? await idIfAlive(work, work.old, tools).catch(() => undefined) : undefined
    const old = oldId === undefined ? {} : { oldHandle: { id: oldId } }
    const answer = await ask(config.create, work, work.new, tools)
    refuseOthers(answer, 'create')
    const { value: from, id: idFrom } = config.extract
    const id = idFrom === undefined ? undefined : textAt(answer, idFrom, 'the API')
    const value =
      config.generate === undefined
        ? from === undefined
          ? ''
          : (textAt(answer, from, 'the API') ?? '')
        : undefined
    const handle = id === undefined ? null : { id }
    if (value === undefined && work.new.value !== undefined) return { value: work.new.value, handle, ...old }
    // Without a value nothing is kept, and what was made is ended by its id.
    return {
      value: new Secret(value === '' ? '' : config.keep.replace('{value}', () => value ?? '')),
      handle,
      ...old,
    }
  },
  async afterLostAnswer(work, tools) {
    if (!work.config.in_place) return 'undo'
    // Of two values that take each other's place one works, and it says which.
    if (work.new.value !== undefined && (await probe(work, work.new, tools)) === 'alive') return 'made'
    return (await probe(work, work.old, tools)) === 'alive' ? 'again' : 'lost'
  },
  probe,
  async promote(work, tools) {
    if (work.config.promote === undefined) return
    refuseOthers(await ask(work.config.promote, work, work.new, tools), 'promote')
  },
  async revoke(work, one, tools) {
    const { config } = work
    if (config.revoke === undefined) return 'not_known'
    const names = namesIn(config.revoke)
    const id = names.includes('id') ? await idOf(work, one, tools) : ''
    if (id === undefined) return one.which === 'new' && config.find !== undefined ? 'not_found' : 'not_known'
    if (names.includes('value') && one.value === undefined) return 'not_known'
    const other = one.which === 'old' ? work.new : work.old
    if (endsById(config) && id === (await idIfAlive(work, other, tools))) throw sameId(work, one)
    const answer = await ask(config.revoke, work, one, tools, { id })
    if (answer.status === 404 || answer.status === 410) return 'not_found'
    refuseOthers(answer, 'revoke')
    return 'revoked'
  },
}

async function probe(work: Work<'http'>, one: Version, tools: RotatorTools) {
  const { status } = await ask(work.config.probe, work, one, tools)
  if (status >= 200 && status < 300) return 'alive'
  if (refusesValue(work.config.probe, status)) return 'dead'
  if (status === 429 || status >= 500)
    throw new MayflyError('upstream_unreachable', `probe: the API answered ${status}`)
  return 'unknown'
}

/** The value is taken no more; where a secret of `secrets` is shown beside it, that may be the one that is not. */
function refusesValue(request: WrittenRequest, status: number): boolean {
  return (status === 401 || status === 403) && !namesIn(request).some((name) => name.startsWith('secret.'))
}

/** It is named by its id alone: one that both values have would end both. */
function endsById({ revoke }: Config): boolean {
  const names = revoke === undefined ? [] : namesIn(revoke)
  return names.includes('id') && !names.includes('value')
}

function sameId({ secret }: Work<'http'>, { which }: Version): MayflyError {
  return new MayflyError(
    'credential_failed',
    `the API gives the old and the new value of ${secret} one id, by which both would be ended: end the ${which} one there by hand, and let \`identify\` and \`extract.id\` give the id of a key, not of its account`,
  )
}

/** Undefined for one that the API does not know any more: nothing of it is there to be ended. */
async function idIfAlive(work: Work<'http'>, one: Version, tools: RotatorTools): Promise<string | undefined> {
  const known = idIn(one.handle)
  const { identify } = work.config
  if (known !== undefined || one.value === undefined || identify === undefined) return known
  const answer = await ask(identify.request, work, one, tools)
  if ([404, 410].includes(answer.status) || refusesValue(identify.request, answer.status)) return undefined
  refuseOthers(answer, 'identify')
  return textAt(answer, identify.id, 'the API')
}

/** By what its making gave; else the API is asked, by its name or by itself. */
async function idOf(work: Work<'http'>, one: Version, tools: RotatorTools): Promise<string | undefined> {
  const known = idIn(one.handle)
  if (known !== undefined) return known
  const { find, identify } = work.config
  const how =
    one.which === 'new' && one.handle === undefined ? find : one.value === undefined ? undefined : identify
  if (how === undefined) return undefined
  const answer = await ask(how.request, work, one, tools)
  if (answer.status === 404) return undefined
  refuseOthers(answer, one.which === 'new' ? 'find' : 'identify')
  return textAt(answer, how.id, 'the API')
}

function idIn(handle: Plain | undefined): string | undefined {
  if (typeof handle !== 'object' || handle === null || !('id' in handle)) return undefined
  const { id } = handle as { id?: unknown }
  return typeof id === 'string' ? id : undefined
}

async function ask(
  request: WrittenRequest,
  work: Work<'http'>,
  one: Version,
  tools: RotatorTools,
  more: Values = {},
): Promise<HttpAnswer> {
  const { config } = work
  const values: Record<string, string | number> = { 'rotation.name': work.name, ...more }
  const known = idIn(one.handle)
  if (known !== undefined) values['id'] ??= known
  const value = valueIn(config, one.value)
  if (value !== undefined) values['value'] = value
  const old = valueIn(config, work.old.value)
  if (old !== undefined) values['old.value'] = old
  for (const name of namesIn(request)) {
    const reference = name.startsWith('secret.') ? config.secrets[name.slice('secret.'.length)] : undefined
    if (reference !== undefined)
      values[name] = (await tools.openSecret(secretName(reference))).reveal().trim()
  }
  return await tools.http.ask(writeRequest(request, values))
}

/** What stands for `{value}` in what the secret holds. */
function valueIn({ keep }: Config, secret: Secret | undefined): string | undefined {
  if (secret === undefined) return undefined
  const [before = '', after = ''] = keep.split('{value}')
  const text = secret.reveal()
  const fits = text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after)
  if (!fits) throw new MayflyError('credential_failed', 'the secret is not of the form that `keep` says')
  return text.slice(before.length, text.length - after.length)
}

/** Nothing of what it says is repeated: it may be the value. */
function refuseOthers({ status }: HttpAnswer, what: string): void {
  if (status >= 200 && status < 300) return
  const code = status === 429 || status >= 500 ? 'upstream_unreachable' : 'credential_failed'
  throw new MayflyError(code, `${what}: the API answered ${status}`)
}
