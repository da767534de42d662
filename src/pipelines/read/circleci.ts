import type { Entry, Job, Reference, Runner, Step, Text, Trigger } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { imageReference, reference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

const maxNested = 10

/** `.circleci/config.yml`: https://circleci.com/docs/configuration-reference/ */
export function readCircleci(root: YamlView): FileParts {
  const orbs = new Map(
    root
      .get('orbs')
      .pairs()
      .flatMap(({ key, value }) => orbOf(key.value, value)),
  )
  const called = callsOf(root.get('workflows'))
  const jobs = root
    .get('jobs')
    .pairs()
    .map(({ key, value, span }) => ({
      ...readJob(root, orbs, key, span, value),
      calls: called.filter((call) => call.name.value === key.value).map((call) => call.span),
    }))
  const commands = root
    .get('commands')
    .pairs()
    .map(({ key, value, span }) =>
      jobOf({
        id: `command ${key.value}`,
        key: key.span,
        span,
        isTemplate: true,
        steps: stepsIn(value.get('steps'), orbs, 0),
      }),
    )
  return {
    role: 'pipeline',
    triggers: triggersOf(root.get('workflows')),
    environment: [],
    jobs: [...jobs, ...commands, ...called.flatMap((call) => orbJob(call, orbs))],
    references: [...orbs.values(), ...executorImages(root.get('executors'))],
  }
}

type Orbs = ReadonlyMap<string, Reference>

/** Registered orbs keep what an exact version means; `volatile` and `1.2` move. An orb written in the file itself is none. */
function orbOf(name: string, value: YamlView): [string, Reference][] {
  const { text } = value
  if (text === undefined) return []
  const [orb = '', version] = text.value.split('@')
  return [[name, reference('orb', text, orb, version, true)]]
}

interface Call {
  readonly name: Text
  readonly span: Job['span']
  readonly view: YamlView
}

/** The jobs of workflows: a name, or `{ NAME: { context, requires, ... } }`. */
function callsOf(workflows: YamlView): Call[] {
  return workflows.pairs().flatMap(({ value }) =>
    value
      .get('jobs')
      .items()
      .flatMap((one): Call[] =>
        one.text === undefined
          ? one.pairs().map(({ key, value: view, span }) => ({ name: key, span, view }))
          : [{ name: one.text, span: one.span, view: one }],
      ),
  )
}

function orbJob({ name, span, view }: Call, orbs: Orbs): Job[] {
  const orb = orbs.get(name.value.split('/')[0] ?? '')
  if (!name.value.includes('/') || orb === undefined) return []
  const inputs = view.entries().filter(({ key }) => !['requires', 'context', 'filters'].includes(key.value))
  return [jobOf({ id: name.value, key: name.span, span, uses: orb, inputs })]
}

function triggersOf(workflows: YamlView): Trigger[] {
  return workflows
    .pairs()
    .flatMap(({ value }) => value.get('triggers').items())
    .flatMap((one) => one.pairs().map(({ key, span }) => ({ name: key.value, span })))
}

function executorImages(executors: YamlView): Reference[] {
  return executors.pairs().flatMap(({ value }) => imagesOf(value))
}

function imagesOf(view: YamlView): Reference[] {
  return view
    .get('docker')
    .items()
    .flatMap((one) => one.get('image').text ?? [])
    .map(imageReference)
}

function readJob(root: YamlView, orbs: Orbs, key: Text, span: Job['span'], job: YamlView): Job {
  const executor = job.get('executor').value ?? job.get('executor', 'name').value
  const shared = executor === undefined ? undefined : root.get('executors', executor)
  return jobOf({
    id: key.value,
    key: key.span,
    span,
    ...optional('runner', runnerOf(job) ?? (shared === undefined ? undefined : runnerOf(shared))),
    images: imagesOf(job),
    environment: [...(shared?.get('environment').entries() ?? []), ...job.get('environment').entries()],
    steps: stepsIn(job.get('steps'), orbs, 0),
  })
}

/** A resource class with a namespace is a machine of one's own. */
function runnerOf(job: YamlView): Runner | undefined {
  const view = job.get('resource_class')
  const label = view.value
  if (label === undefined) return undefined
  return { labels: [label], span: view.span, selfHosted: label.includes('/') }
}

function stepsIn(list: YamlView, orbs: Orbs, depth: number): Step[] {
  if (depth > maxNested) return []
  return list.items().flatMap((one) => {
    if (one.text !== undefined) return [namedStep(one.text, one, [], orbs)]
    return one.pairs().flatMap(({ key, value, span }) => {
      if (key.value === 'run') return [runStep(value, span)]
      if (key.value === 'when' || key.value === 'unless') return stepsIn(value.get('steps'), orbs, depth + 1)
      return [namedStep(key, { span }, value.entries(), orbs)]
    })
  })
}

function runStep(run: YamlView, span: Step['span']): Step {
  const command = run.text ?? run.get('command').text
  return stepOf({
    span,
    phase: 'run',
    ...optional('name', run.get('name').text),
    commands: command === undefined ? [] : [command],
    ...optional('script', command?.span),
    environment: run.get('environment').entries(),
    ...optional('shell', run.get('shell').value),
  })
}

/** `checkout`, a command of the file, or of an orb (`node/install-packages`). */
function namedStep(name: Text, { span }: Pick<Step, 'span'>, inputs: readonly Entry[], orbs: Orbs): Step {
  const orb = name.value.includes('/') ? orbs.get(name.value.split('/')[0] ?? '') : undefined
  return stepOf({ span, phase: name.value, name, inputs, ...optional('uses', orb) })
}
