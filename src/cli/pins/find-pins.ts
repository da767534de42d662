import { isForCredentials } from '../../config/index.ts'
import { isLinkLocal, MayflyError, messageOf } from '../../lib/index.ts'
import {
  pinKey,
  referencesOf,
  type PipelineFile,
  type Project,
  type Reference,
} from '../../pipelines/index.ts'
import { imageNamed } from '../verify/image-name.ts'
import { openRegistry } from '../verify/registry.ts'
import { resolveTags } from './tags.ts'

export interface FoundPins {
  /** Commits and digests by the key of what they are of. */
  readonly pins: ReadonlyMap<string, string>
  /** Of the others why there is none. */
  readonly why: ReadonlyMap<string, string>
}

/** Repositories and images that are asked about, and how many at a time. */
const [maxAsked, atOnce] = [200, 4]

/**
 * Asks, for workflows of GitHub, the hosts of actions and the registries of images what versions stand for. `githubUrl`: where actions are; images are asked for
 * with what this machine is logged in with. Never throws: what is not found is said.
 */
export async function findPins(files: readonly PipelineFile[], githubUrl: string): Promise<FoundPins> {
  const references = files.filter(({ ci }) => ci === 'github').flatMap(referencesOf)
  const pins = new Map<string, string>()
  const why = new Map<string, string>()
  const open = references.filter(({ pin }) => pin === 'version' || pin === 'floating')
  const questions = [...actionQuestions(open, githubUrl), ...imageQuestions(open)]
  const waiting = questions.slice(0, maxAsked)
  for (const { keys } of questions.slice(maxAsked))
    for (const key of keys) why.set(key, `more than ${maxAsked} are not asked about at once: name files`)
  const work = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift())
      for (const [key, answer] of await one.ask())
        if ('pin' in answer) pins.set(key, answer.pin)
        else why.set(key, answer.why)
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return { pins, why }
}

/** The project with what was found; what its checkout knew itself stays beside it. */
export function withPins(project: Project, { pins }: FoundPins): Project {
  return { ...project, pins: new Map([...project.pins, ...pins]), pinsEverywhere: true }
}

/** The origin of where actions are. Throws `bad_input`: plain HTTP is for a server of this machine alone. */
export function githubOf(said = 'https://github.com'): string {
  const url = URL.canParse(said) ? new URL(said) : undefined
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === ''
  if (url === undefined || !isPlain || url.pathname !== '/' || !isForCredentials(said))
    throw new MayflyError('bad_input', '--github-url: an address is wanted: https://github.example.com')
  return url.origin
}

type Answer = { readonly pin: string } | { readonly why: string }

interface Question {
  readonly keys: readonly string[]
  readonly ask: () => Promise<readonly (readonly [key: string, answer: Answer])[]>
}

/** One for each repository, whatever folders and versions of it are used. */
function actionQuestions(references: readonly Reference[], githubUrl: string): Question[] {
  const actions = references.filter(({ kind }) => kind === 'action' || kind === 'workflow')
  const byRepository = Map.groupBy(actions, ({ name }) => name.split('/').slice(0, 2).join('/'))
  return [...byRepository].map(([repository, own]) => ({
    keys: own.map(pinKey),
    async ask() {
      const versions = [...new Set(own.flatMap(({ version }) => version ?? []))]
      const tags = await resolveTags(githubUrl, repository, versions)
      return own.map((one): [string, Answer] => {
        const found = tags.get(one.version ?? '') ?? { why: 'it names no version' }
        return [pinKey(one), 'commit' in found ? { pin: found.commit } : found]
      })
    },
  }))
}

function imageQuestions(references: readonly Reference[]): Question[] {
  const keys = new Set(references.filter(({ kind }) => kind === 'image').map(pinKey))
  return [...keys].map((key) => ({
    keys: [key],
    ask: async () => [[key, await digestOf(key.slice('image '.length))]],
  }))
}

async function digestOf(written: string): Promise<Answer> {
  try {
    const image = imageNamed(written)
    if (isLinkLocal(new URL(`https://${image.host}`).hostname))
      return { why: 'its registry is a link-local address' }
    return { pin: await openRegistry(image).digest() }
  } catch (error) {
    return { why: messageOf(error) }
  }
}
