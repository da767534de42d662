import type {
  AccessLevel,
  Entry,
  IdentityToken,
  Job,
  Permissions,
  Reference,
  Runner,
  Step,
  Trigger,
  Text,
} from '../model.ts'
import { jobOf, optional, stepOf, type FileParts } from './file-parts.ts'
import { actionReference, imageReference } from './references.ts'
import type { YamlView } from './yaml-view.ts'

/** A workflow of GitHub Actions, Gitea or Forgejo. */
export function readWorkflow(root: YamlView): FileParts {
  return {
    role: 'pipeline',
    triggers: triggersOf(root),
    environment: root.get('env').entries(),
    ...optional('permissions', permissionsOf(root.get('permissions'))),
    jobs: root
      .get('jobs')
      .pairs()
      .map(({ key, value, span }) => readJob(key.value, key.span, span, value)),
    references: [],
  }
}

/** `action.yml`: its steps as those of one job. */
export function readAction(root: YamlView): FileParts {
  const runs = root.get('runs')
  const image = runs.get('image').text
  const key = root.pair('runs')
  const span = key?.span ?? root.span
  const job = jobOf({
    id: root.get('name').value ?? 'action',
    key: key?.key.span ?? span,
    span,
    steps: runs.get('steps').items().map(readStep),
    images: image === undefined || !image.value.startsWith('docker://') ? [] : [actionReference(image)],
    environment: runs.get('env').entries(),
  })
  return { role: 'action', triggers: [], environment: [], jobs: [job], references: [] }
}

function triggersOf(root: YamlView): Trigger[] {
  const on = root.get('on')
  if (on.isMap) return on.pairs().map(({ key, span }) => ({ name: key.value, span }))
  return on.texts().map(({ value, span }) => ({ name: value, span }))
}

/** https://docs.github.com/actions/reference/workflow-syntax-for-github-actions#permissions */
function permissionsOf(view: YamlView): Permissions | undefined {
  if (view.isMap) {
    const scopes = view.pairs().map(({ key, value, span }) => ({
      name: key.value,
      level: levelOf(value.value),
      span,
    }))
    return { span: view.span, scopes, ...(scopes.length === 0 ? { all: 'none' } : {}) }
  }
  const all = view.value
  if (all === undefined) return undefined
  return {
    span: view.span,
    scopes: [],
    all: all === 'write-all' ? 'write' : all === 'read-all' ? 'read' : 'none',
  }
}

function levelOf(word: string | undefined): AccessLevel {
  return word === 'write' || word === 'read' ? word : 'none'
}

function readJob(id: string, key: Job['key'], span: Job['span'], job: YamlView): Job {
  const uses = job.get('uses').text
  const secrets = job.get('secrets')
  const permissions = permissionsOf(job.get('permissions'))
  const environment = job.get('environment')
  return jobOf({
    id,
    key,
    span,
    ...optional('runner', runnerOf(job.get('runs-on'))),
    images: imagesOf(job),
    environment: job.get('env').entries(),
    ...optional('permissions', permissions),
    identityTokens: tokensOf(permissions),
    ...optional('uses', uses === undefined ? undefined : actionReference(uses)),
    inputs: job.get('with').entries(),
    passedSecrets: secrets.isMap ? secrets.entries() : [],
    ...optional('condition', job.get('if').text),
    ...optional('deployment', environment.text ?? environment.get('name').text),
    needs: job
      .get('needs')
      .texts()
      .map(({ value }) => value),
    steps: job.get('steps').items().map(readStep),
  })
}

function tokensOf(permissions: Permissions | undefined): IdentityToken[] {
  return (permissions?.scopes ?? [])
    .filter(({ name, level }) => name === 'id-token' && level === 'write')
    .map(({ span }) => ({ span, audiences: [] }))
}

const hosted = /^(?:ubuntu|windows|macos)-[\w.-]+$/

function runnerOf(view: YamlView): Runner | undefined {
  if (!view.isThere) return undefined
  const group = view.get('group')
  const labels = (view.isMap ? view.get('labels') : view).texts().map(({ value }) => value)
  const selfHosted = labels.includes('self-hosted')
    ? true
    : labels.every((label) => hosted.test(label)) && labels.length > 0 && !group.isThere
      ? false
      : undefined
  return { labels, span: view.span, selfHosted }
}

function imagesOf(job: YamlView): Reference[] {
  const all = [
    job.get('container'),
    ...job
      .get('services')
      .pairs()
      .map(({ value }) => value),
  ]
  return all
    .flatMap((one) => one.text ?? one.get('image').text ?? [])
    .filter(({ value }) => value !== '')
    .flatMap((text) => ofMatrix(job, text))
    .map(imageReference)
}

const matrixKey = /^\$\{\{\s*matrix\.([\w-]+)\s*\}\}$/

/** What a key of the job's own matrix stands for, where the file has its values. */
function ofMatrix(job: YamlView, text: Text): Text[] {
  const [, key] = matrixKey.exec(text.value) ?? []
  if (key === undefined) return [text]
  const matrix = job.get('strategy', 'matrix')
  const values = [
    ...matrix.get(key).texts(),
    ...matrix
      .get('include')
      .items()
      .flatMap((one) => one.get(key).text ?? []),
  ]
  return values.length === 0 ? [text] : values
}

function readStep(step: YamlView): Step {
  const run = step.get('run').text
  const uses = step.get('uses').text
  const inputs: Entry[] = step.get('with').entries()
  return stepOf({
    span: step.span,
    phase: uses === undefined ? 'run' : 'uses',
    ...optional('name', step.get('name').text),
    commands: run === undefined ? scriptOf(uses?.value, inputs) : [run],
    ...optional('script', run?.span),
    ...optional('uses', uses === undefined ? undefined : actionReference(uses)),
    inputs,
    environment: step.get('env').entries(),
    ...optional('condition', step.get('if').text),
    ...optional('shell', step.get('shell').value),
  })
}

/** An action whose input is a program. */
function scriptOf(uses: string | undefined, inputs: readonly Entry[]) {
  const input = uses?.startsWith('actions/github-script@') === true ? 'script' : undefined
  return inputs.flatMap(({ key, value }) => (key.value === input && value !== undefined ? [value] : []))
}
