import { setTimeout as pause } from 'node:timers/promises'
import { MayflyError } from '../lib/index.ts'
import { createOperatorApi, type OperatorApi } from './operator-api.ts'
import { exitCodes, print } from './output.ts'

interface Options {
  server?: string
  json: boolean
  now: boolean
  dryRun: boolean
  rollback: boolean
  forget: boolean
}

/** A rotation as the server tells of it. */
export interface RotationAnswer {
  id: string
  secret: string
  rotator: string
  state: string
  from: number
  to: number | null
  due: string
  promoted: string | null
  failure: string | null
  proof: string | null
}

interface Seen {
  readonly rotation: RotationAnswer
  /** The version in use. */
  readonly version: number | null
}

const looks = 60
const lookMs = 500

/** Waits until the new value is in use, or is not going to be; the old one dies later, when nobody has it any more. */
export async function rotateSecret(name: string, options: Options): Promise<number> {
  const asked = [options.now, options.dryRun, options.rollback, options.forget].filter(Boolean)
  if (asked.length > 1)
    throw new MayflyError('bad_input', 'take one of --now, --dry-run, --rollback and --forget')
  const api = createOperatorApi(options)
  if (options.dryRun) return await dryRun(api, name, options)
  if (options.rollback) return await rollBack(api, name, options)
  if (options.forget) return await forget(api, name, options)
  const begun = await api.call<RotationAnswer & { new: boolean }>('POST', pathOf(name), { now: options.now })
  const seen = await watch(api, name, begun)
  const { rotation, version } = seen
  const isUsed = using.has(rotation.state) && rotation.to === version
  // What was in use before the question is no answer to it.
  const wasThere = !begun.new && begun.promoted !== null && rotation.id === begun.id
  const waits = !options.now && rotation.state === 'planned'
  print(options.json, { ...rotation, in_use: version, new: begun.new }, [
    wasThere ? openStill(seen) : sentence(rotation, version),
  ])
  return (isUsed && !wasThere) || waits ? exitCodes.ok : exitCodes.refused
}

async function rollBack(api: OperatorApi, name: string, options: Options): Promise<number> {
  const begun = await api.call<RotationAnswer>('POST', `${pathOf(name)}/rollback`)
  const { rotation, version } = await watch(api, name, begun)
  print(options.json, { ...rotation, in_use: version }, [sentence(rotation, version)])
  return using.has(rotation.state) ? exitCodes.refused : exitCodes.ok
}

async function forget(api: OperatorApi, name: string, options: Options): Promise<number> {
  const ended = await api.call<RotationAnswer>('POST', `${pathOf(name)}/forget`)
  print(options.json, ended, [sentence(ended, ended.promoted === null ? ended.from : ended.to)])
  return exitCodes.ok
}

async function dryRun(api: OperatorApi, name: string, options: Options): Promise<number> {
  const told = await api.call<{
    rotator: string
    tells: string
    probe: string
    hindered: string | null
    window: string | null
  }>('POST', `${pathOf(name)}/dry-run`)
  print(options.json, told, [
    `${told.rotator} ${told.tells}`,
    `the value in use: ${told.probe}`,
    ...(told.hindered === null ? [] : [`it would fail: ${told.hindered}`]),
    ...(told.window === null ? [] : [`it begins between ${told.window} UTC, or --now`]),
    'nothing was changed',
  ])
  return told.probe === 'dead' || told.hindered !== null ? exitCodes.refused : exitCodes.ok
}

/** In these the new value is used, unless somebody has set another since. */
const using = new Set(['promoted', 'retiring', 'done'])
const ends = new Set(['done', 'failed', 'rolled_back'])

async function watch(api: OperatorApi, name: string, begun: RotationAnswer): Promise<Seen> {
  for (let look = 0, last = begun; ; look++) {
    const { rotation, version } = await api.call<{ rotation: RotationAnswer | null; version: number | null }>(
      'GET',
      pathOf(name),
    )
    last = rotation ?? last
    const isOver = last.id !== begun.id || ends.has(last.state) || using.has(last.state)
    // Its window is not open, or it is tried again later.
    const isLater = Date.parse(last.due) > Date.now() + looks * lookMs
    if (isOver || isLater || look === looks) return { rotation: last, version }
    await pause(lookMs)
  }
}

/** A new value was asked for, and the last one is not over: nothing new begins beside it. */
function openStill({ rotation: { secret, from, to, failure }, version }: Seen): string {
  const why = failure === null ? '' : `: ${failure}`
  return `${secret} was not rotated: version ${version} is in use, and before version ${from} is ended, which version ${to} replaced, nothing new begins${why} (if it cannot be ended: mayfly secret rotate ${secret} --forget)`
}

/** One line on how it stands. `version` is the one in use, if that is known. */
export function sentence(rotation: RotationAnswer, version: number | null = rotation.to): string {
  const { secret, state, from, to, due, promoted, failure, proof } = rotation
  const why = failure === null ? '' : `: ${failure}`
  if (using.has(state) && version !== to)
    return `${secret} was rotated, version ${to}, but version ${version} is in use: somebody has set another value since${why}`
  switch (state) {
    case 'done':
      return `${secret} is rotated, version ${to}; version ${from} is ended (${proof})${why}`
    case 'promoted':
    case 'retiring':
      return `${secret} is rotated, version ${to} is in use; version ${from} is ended when no step has it any more${why}`
    case 'failed':
      if (proof !== null) return `${secret}: version ${from} is ended (${proof})${why}`
      return promoted === null
        ? `${secret} is not rotated, version ${from} stays in use${why}`
        : `${secret}: version ${version} is in use; version ${from} is not ended${why}`
    case 'rolled_back':
      return `${secret} is not rotated, version ${version === to ? from : version} stays in use${why}`
    case 'planned':
      return `${secret}: its rotation waits until ${due}${why}`
    case 'undoing':
      return `${secret}: version ${version === to ? from : version} is in use, what was made is being ended${why}`
    default:
      return `${secret} is not rotated yet (${state}), version ${version === to ? from : version} is in use${why}`
  }
}

function pathOf(name: string): string {
  return `/v1/rotations/${encodeURIComponent(name)}`
}
