import type { Entry, Job, Reference, Runner, Step } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { imageReference, localReference, reference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

const maxNested = 5

/** `.buildkite/pipeline.yml`: https://buildkite.com/docs/pipelines/configure/step-types */
export function readBuildkite(root: YamlView): FileParts {
  const steps = root.isList ? root : root.get('steps')
  return {
    role: 'pipeline',
    triggers: [],
    environment: root.get('env').entries(),
    jobs: jobsIn(steps, runnerOf(root.get('agents')), 0),
    references: root.get('image').texts().map(imageReference),
  }
}

function jobsIn(steps: YamlView, above: Runner | undefined, depth: number): Job[] {
  if (depth > maxNested) return []
  return steps.items().flatMap((step, index) => {
    const group = step.get('steps')
    if (group.isList) return jobsIn(group, above, depth + 1)
    return step.isMap ? [readStep(step, above, index)] : []
  })
}

function readStep(step: YamlView, above: Runner | undefined, index: number): Job {
  const label = step.get('label').text ?? step.get('name').text ?? step.get('key').text
  const script = ['command', 'commands'].map((name) => step.get(name)).find((one) => one.isThere)
  const plugins = pluginsOf(step.get('plugins'))
  const commands = script?.texts() ?? []
  const runner = runnerOf(step.get('agents')) ?? above
  const [first] = step.pairs()
  const environment = step.get('env').entries()
  const run = stepOf({
    span: script?.span ?? step.span,
    phase: script === undefined ? 'other' : 'command',
    ...optional('name', label),
    commands,
    ...optional('script', script?.span),
    ...optional('condition', step.get('if').text),
  })
  return jobOf({
    id: step.get('key').value ?? label?.value ?? `step ${index + 1}`,
    key: first?.key.span ?? step.span,
    span: step.span,
    ...optional('runner', runner),
    images: step.get('image').texts().map(imageReference),
    environment,
    ...optional('condition', step.get('if').text),
    needs: step
      .get('depends_on')
      .items()
      .flatMap((one) => one.value ?? one.get('step').value ?? []),
    steps: [...plugins, run],
  })
}

/** A list of names, or of `{ NAME: settings }`, or such a mapping. */
function pluginsOf(view: YamlView): Step[] {
  const all = view.isMap ? [view] : view.items()
  return all.flatMap((one) => {
    if (one.text !== undefined)
      return [stepOf({ span: one.span, phase: 'plugin', uses: pluginReference(one.text) })]
    return one.pairs().map(({ key, value, span }) => {
      const inputs: Entry[] = value.entries()
      return stepOf({ span, phase: 'plugin', uses: pluginReference(key), inputs })
    })
  })
}

/** `docker#v5.9.0`, `org/docker#v5.9.0`, a URL with `#REF`, or a folder. */
function pluginReference(text: NonNullable<Step['name']>): Reference {
  if (/^\.{1,2}\//.test(text.value)) return localReference('plugin', text)
  const [name = '', version] = text.value.split('#')
  return reference('plugin', text, name, version)
}

/** Agents are one's own, but for those that Buildkite hosts, which the file does not tell apart. */
function runnerOf(agents: YamlView): Runner | undefined {
  if (!agents.isThere && !agents.isMap) return undefined
  const labels = agents.isMap
    ? agents.entries().map(({ key, value }) => `${key.value}=${value?.value ?? ''}`)
    : agents.texts().map(({ value }) => value)
  return { labels, span: agents.span, selfHosted: undefined }
}
