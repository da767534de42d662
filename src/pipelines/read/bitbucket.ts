import type { Job, Reference, Runner, Step, Text, Trigger } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { imageReference, reference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

const maxNested = 5
const byPattern = ['branches', 'tags', 'bookmarks', 'pull-requests', 'custom'] as const

/** `bitbucket-pipelines.yml`: https://support.atlassian.com/bitbucket-cloud/docs/bitbucket-pipelines-configuration-reference/ */
export function readBitbucket(root: YamlView): FileParts {
  const pipelines = root.get('pipelines')
  const lists = [
    { name: 'default', view: pipelines.get('default') },
    ...byPattern.flatMap((kind) =>
      pipelines
        .get(kind)
        .pairs()
        .map(({ key, value }) => ({ name: `${kind} ${key.value}`, view: value })),
    ),
  ]
  const services = root
    .get('definitions', 'services')
    .pairs()
    .map(({ value }) => value)
  return {
    role: 'pipeline',
    triggers: triggersOf(pipelines),
    environment: [],
    jobs: lists.flatMap(({ name, view }) => jobsIn(name, view, undefined, 0)),
    references: [root, ...services].flatMap((one) => imageOf(one.get('image'))),
  }
}

function triggersOf(pipelines: YamlView): Trigger[] {
  return pipelines.pairs().map(({ key, span }) => ({ name: key.value, span }))
}

function imageOf(view: YamlView): Reference[] {
  const text = view.text ?? view.get('name').text
  return text === undefined ? [] : [imageReference(text)]
}

/** Steps, alone, in parallel, or in stages, which may deploy together. */
function jobsIn(name: string, view: YamlView, deployment: Text | undefined, depth: number): Job[] {
  if (depth > maxNested) return []
  return view.items().flatMap((one) =>
    one.pairs().flatMap(({ key, value, span }) => {
      if (key.value === 'step') return [readStep(name, key.span, span, value, deployment)]
      const stage = value.get('deployment').text ?? deployment
      if (key.value === 'parallel')
        return jobsIn(name, value.isList ? value : value.get('steps'), stage, depth + 1)
      return key.value === 'stage' ? jobsIn(name, value.get('steps'), stage, depth + 1) : []
    }),
  )
}

function readStep(
  pipeline: string,
  key: Job['key'],
  span: Job['span'],
  step: YamlView,
  above: Text | undefined,
): Job {
  const name = step.get('name').text
  const oidc = step.pair('oidc')
  return jobOf({
    id: name === undefined ? pipeline : `${pipeline}: ${name.value}`,
    key,
    span,
    ...optional('runner', runnerOf(step.get('runs-on'))),
    images: imageOf(step.get('image')),
    identityTokens: oidc?.value.value === 'true' ? [{ span: oidc.span, audiences: [] }] : [],
    ...optional('deployment', step.get('deployment').text ?? above),
    steps: ['script', 'after-script'].flatMap((phase) => stepsOf(step.get(phase), phase)),
  })
}

/** Commands that follow each other are one step; a pipe is one of its own. */
function stepsOf(script: YamlView, phase: string): Step[] {
  const steps: Step[] = []
  let commands: Text[] = []
  const close = () => {
    const [first, last] = [commands[0], commands.at(-1)]
    if (first === undefined || last === undefined) return
    const span = { start: first.span.start, end: last.span.end }
    steps.push(stepOf({ span, phase, commands, script: script.span }))
    commands = []
  }
  for (const one of script.items()) {
    const pipe = one.get('pipe').text
    if (one.text !== undefined) commands.push(one.text)
    if (pipe === undefined) continue
    close()
    steps.push(
      stepOf({
        span: one.span,
        phase: 'pipe',
        uses: pipeReference(pipe),
        inputs: one.get('variables').entries(),
      }),
    )
  }
  close()
  return steps
}

/** A repository with a tag (`atlassian/aws-s3-deploy:1.1.0`), or an image. */
function pipeReference(text: Text): Reference {
  if (text.value.startsWith('docker://'))
    return { ...imageReference({ ...text, value: text.value.slice('docker://'.length) }), text, kind: 'pipe' }
  const [name = '', version] = text.value.split(':')
  return reference('pipe', text, name, version)
}

function runnerOf(view: YamlView): Runner | undefined {
  if (!view.isThere) return undefined
  const labels = view.texts().map(({ value }) => value)
  return { labels, span: view.span, selfHosted: labels.some((label) => label.startsWith('self.hosted')) }
}
