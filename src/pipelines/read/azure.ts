import type { Entry, Job, Reference, Runner, Step, Trigger } from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { imageReference, localReference, reference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

const maxNested = 20
const scripts = ['script', 'bash', 'pwsh', 'powershell'] as const
/** Hooks of a deployment: https://learn.microsoft.com/azure/devops/pipelines/yaml-schema/jobs-deployment-strategy */
const hooks = ['preDeploy', 'deploy', 'routeTraffic', 'postRouteTraffic'] as const

/** `azure-pipelines.yml`, or a template of one. */
export function readAzure(root: YamlView): FileParts {
  const templates: Reference[] = [...resourcesOf(root.get('resources')), ...templateOf(root.get('extends'))]
  const found = jobsIn(root, templates, runnerOf(root.get('pool')), 0)
  const steps = stepsIn(root.get('steps'), 0)
  const key = root.pair('steps')
  const own =
    key === undefined
      ? []
      : [
          jobOf({
            id: 'steps',
            key: key.key.span,
            span: key.span,
            steps,
            ...runner(root, undefined),
            images: containersOf(root),
          }),
        ]
  return {
    role: 'pipeline',
    triggers: triggersOf(root),
    environment: variablesOf(root.get('variables'), templates),
    jobs: [...own, ...found],
    references: templates,
  }
}

function triggersOf(root: YamlView): Trigger[] {
  const names = { trigger: 'push', pr: 'pull_request', schedules: 'schedule' }
  return Object.entries(names).flatMap(([key, name]) => {
    const pair = root.pair(key)
    return pair === undefined || pair.value.value === 'none' ? [] : [{ name, span: pair.span }]
  })
}

function resourcesOf(resources: YamlView): Reference[] {
  const repositories = flat(resources.get('repositories'), 0).flatMap((one) => {
    const name = one.get('name').text ?? one.get('repository').text
    return name === undefined ? [] : [reference('repository', name, name.value, refOf(one.get('ref').value))]
  })
  const images = flat(resources.get('containers'), 0).flatMap((one) => one.get('image').text ?? [])
  return [...repositories, ...images.map(imageReference)]
}

/** Without a `ref` it is the branch that the repository begins with. */
function refOf(ref: string | undefined): string | undefined {
  return ref?.replace(/^refs\/tags\//, '')
}

function templateOf(view: YamlView): Reference[] {
  const text = view.get('template').text
  if (text === undefined) return []
  const [name = '', repository] = text.value.split('@')
  if (repository === undefined || repository === 'self') return [localReference('template', text)]
  // How firmly it is pinned says the repository's own entry under `resources`.
  return [{ kind: 'template', text, name, version: repository, pin: 'exact' }]
}

/** Entries of a list, those below `${{ if }}` and `${{ each }}` among them. */
function flat(list: YamlView, depth: number): YamlView[] {
  if (depth > maxNested) return []
  return list.items().flatMap((one) => {
    const [first] = one.isMap ? one.pairs() : []
    return first?.key.value.startsWith('${{') === true && (first.value.isList || first.value.isMap)
      ? one.pairs().flatMap(({ value }) => flat(value, depth + 1))
      : [one]
  })
}

function variablesOf(view: YamlView, templates: Reference[]): Entry[] {
  if (view.isMap) return view.entries().filter(({ key }) => !key.value.startsWith('${{'))
  return flat(view, 0).flatMap((one): Entry[] => {
    templates.push(...templateOf(one))
    const key = one.get('name').text
    return key === undefined ? [] : [{ key, value: one.get('value').text, span: one.span }]
  })
}

function jobsIn(root: YamlView, templates: Reference[], above: Runner | undefined, depth: number): Job[] {
  if (depth > 2) return []
  const stages = flat(root.get('stages'), 0).flatMap((stage) => {
    templates.push(...templateOf(stage))
    return jobsIn(stage, templates, runnerOf(stage.get('pool')) ?? above, depth + 1)
  })
  const jobs = flat(root.get('jobs'), 0).flatMap((one) => {
    templates.push(...templateOf(one))
    return readJob(one, templates, above)
  })
  return [...stages, ...jobs]
}

function readJob(view: YamlView, templates: Reference[], above: Runner | undefined): Job[] {
  const id = view.get('job').text ?? view.get('deployment').text
  if (id === undefined) return []
  const environment = view.get('environment')
  const deployment = environment.text ?? environment.get('name').text
  return [
    jobOf({
      id: id.value,
      key: id.span,
      span: view.span,
      ...runner(view, above),
      images: containersOf(view),
      environment: variablesOf(view.get('variables'), templates),
      ...optional('condition', view.get('condition').text),
      ...optional('deployment', deployment),
      needs: view
        .get('dependsOn')
        .texts()
        .map(({ value }) => value),
      steps: [view.get('steps'), ...strategySteps(view.get('strategy'))].flatMap((steps) =>
        stepsIn(steps, 0),
      ),
    }),
  ]
}

function strategySteps(strategy: YamlView): YamlView[] {
  return ['runOnce', 'rolling', 'canary'].flatMap((name) => [
    ...hooks.map((hook) => strategy.get(name, hook, 'steps')),
    ...['success', 'failure'].map((end) => strategy.get(name, 'on', end, 'steps')),
  ])
}

function containersOf(view: YamlView): Reference[] {
  const container = view.get('container')
  const text = container.text ?? container.get('image').text
  // A name without `:` and `/` may be one of `resources.containers`, which has its image.
  return text === undefined || !/[:/]/.test(text.value) ? [] : [imageReference(text)]
}

function runner(view: YamlView, above: Runner | undefined): { readonly runner?: Runner } {
  return optional('runner', runnerOf(view.get('pool')) ?? above)
}

function runnerOf(pool: YamlView): Runner | undefined {
  if (!pool.isThere && !pool.isMap) return undefined
  const image = pool.get('vmImage').value
  const name = pool.value ?? pool.get('name').value
  const isHosted = image !== undefined || name === 'Azure Pipelines'
  const labels = [image ?? name].flatMap((one) => one ?? [])
  return {
    labels,
    span: pool.span,
    selfHosted: isHosted ? false : /\$[({[]/.test(name ?? '$(') ? undefined : true,
  }
}

function stepsIn(list: YamlView, depth: number): Step[] {
  return flat(list, depth).map(readStep)
}

function readStep(step: YamlView): Step {
  const key = scripts.find((name) => step.get(name).isThere)
  const script = key === undefined ? undefined : step.get(key).text
  const task = step.get('task').text
  const [template] = templateOf(step)
  const inputs = (template === undefined ? step.get('inputs') : step.get('parameters')).entries()
  const inline = inputs.flatMap(({ key: { value: name }, value }) =>
    value !== undefined && /^(?:inline|inlineScript|script|arguments|command|commands)$/i.test(name)
      ? [value]
      : [],
  )
  const uses = task === undefined ? template : taskReference(task)
  return stepOf({
    span: step.span,
    phase: key ?? (task === undefined ? (template === undefined ? 'other' : 'template') : 'task'),
    ...optional('name', step.get('displayName').text),
    commands: script === undefined ? inline : [script],
    ...optional('script', script?.span),
    ...optional('uses', uses),
    inputs,
    environment: step.get('env').entries(),
    ...optional('condition', step.get('condition').text),
    ...optional('shell', key),
  })
}

/** Tasks of the marketplace: within a major version the newest one runs, and no one can ask for another. */
function taskReference(text: NonNullable<Step['name']>): Reference {
  const [name = '', version] = text.value.split('@')
  return { kind: 'task', text, name, ...(version === undefined ? {} : { version }), pin: 'exact' }
}
