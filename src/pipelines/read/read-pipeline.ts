import type { CiName, FileRole, PipelineFile, ReadProblem, SecretReference } from '../model.ts'
import { readAzure } from './azure.ts'
import { azureSecrets } from './azure-secrets.ts'
import { readBitbucket } from './bitbucket.ts'
import { bitbucketSecrets } from './bitbucket-secrets.ts'
import { OverBound, bounds } from './bounds.ts'
import { readBuildkite } from './buildkite.ts'
import { buildkiteSecrets } from './buildkite-secrets.ts'
import { readCircleci } from './circleci.ts'
import { circleciSecrets } from './circleci-secrets.ts'
import { declaredIn } from './declared.ts'
import {
  nothing,
  optional,
  type Declared,
  type FileParts,
  type FindSecrets,
  type FoundSecret,
} from './file-parts.ts'
import { githubSecrets } from './github-expressions.ts'
import { readAction, readWorkflow } from './github.ts'
import { readGitlab } from './gitlab.ts'
import { gitlabSecrets } from './gitlab-secrets.ts'
import { readJenkins } from './jenkins.ts'
import { createOwners, type Owner } from './owners.ts'
import { readYamlFile } from './yaml-document.ts'
import type { YamlView } from './yaml-view.ts'

interface YamlReader {
  readonly read: (root: YamlView) => FileParts
  /** Each job has its own variables, and those of the file and its templates. */
  readonly isByJob?: boolean
  readonly secrets: (declared: Declared) => FindSecrets
}

const readers: Readonly<Record<Exclude<CiName, 'jenkins'>, YamlReader>> = {
  github: { read: readGithub, secrets: () => githubSecrets },
  forgejo: { read: readGithub, secrets: () => githubSecrets },
  gitlab: { read: readGitlab, secrets: gitlabSecrets, isByJob: true },
  azure: { read: readAzure, secrets: azureSecrets },
  buildkite: { read: readBuildkite, secrets: buildkiteSecrets },
  circleci: { read: readCircleci, secrets: circleciSecrets },
  bitbucket: { read: readBitbucket, secrets: bitbucketSecrets },
}

function readGithub(root: YamlView): FileParts {
  return root.get('runs').isMap && !root.get('jobs').isMap ? readAction(root) : readWorkflow(root)
}

/**
 * Reads one pipeline file that a stranger may have written. Never throws: what cannot be read is among its `problems`, and the rest of the
 * file is there.
 */
export function readPipeline(path: string, text: string, ci: CiName, role?: FileRole): PipelineFile {
  const problems: ReadProblem[] = []
  const stop = (error: unknown): undefined => {
    if (!(error instanceof OverBound) && !(error instanceof RangeError)) throw error
    const why = error instanceof OverBound ? error.message : 'it is nested too deeply'
    problems.push({ message: `it is not read to its end: ${why}`, span: { start: 0, end: 0 } })
  }
  const about = { path, ci, text }
  if (Buffer.byteLength(text) > bounds.fileBytes) {
    stop(new OverBound(`it has more than ${bounds.fileBytes} bytes`))
    return { ...about, ...nothing, secrets: [], problems }
  }
  const parts = ci === 'jenkins' ? readGroovy(text, stop) : readYaml(text, readers[ci], stop)
  return {
    ...about,
    ...parts,
    role: role ?? parts.role,
    secrets: boundedSecrets(parts, problems),
    problems: [...problems, ...parts.problems],
  }
}

type Stop = (error: unknown) => undefined

/** What every reader comes to. */
type Read = FileParts & Pick<PipelineFile, 'secrets' | 'problems'>

function readGroovy(text: string, stop: Stop): Read {
  try {
    const parts = readJenkins(text)
    const owners = createOwners(parts.jobs)
    return { ...parts, secrets: parts.secrets.map((one) => owned(one, owners(one.span))) }
  } catch (error) {
    stop(error)
    return { ...nothing, secrets: [], problems: [] }
  }
}

function readYaml(text: string, { read, secrets, isByJob = false }: YamlReader, stop: Stop): Read {
  try {
    const { views, texts, problems } = readYamlFile(text)
    const parts = readParts(views, read, stop)
    const finders = new Map<string | undefined, FindSecrets>()
    const finderOf = (job: string | undefined) => {
      const known = finders.get(job) ?? secrets(declaredIn(parts, texts, job))
      finders.set(job, known)
      return known
    }
    // A template's commands are run by jobs that have variables of their own.
    const alone = new Set(isByJob ? parts.jobs.flatMap(({ id, isTemplate }) => (isTemplate ? [] : [id])) : [])
    const owners = createOwners(parts.jobs)
    const found = texts.flatMap((one) => {
      const owner = owners(one.text.span)
      const find = finderOf(owner.job !== undefined && alone.has(owner.job) ? owner.job : undefined)
      return find(text, one, owner.inCommand).map((secret) => owned(secret, owner))
    })
    return { ...parts, secrets: found, problems }
  } catch (error) {
    stop(error)
    return { ...nothing, secrets: [], problems: [] }
  }
}

/** Of several documents in one file each is read; headers of GitLab's have nothing that counts. */
function readParts(views: readonly YamlView[], read: (root: YamlView) => FileParts, stop: Stop): FileParts {
  try {
    const [first = nothing, ...rest] = views.map(read)
    return rest.reduce(
      (all, one) => ({
        ...all,
        ...one,
        triggers: [...all.triggers, ...one.triggers],
        environment: [...all.environment, ...one.environment],
        jobs: [...all.jobs, ...one.jobs],
        references: [...all.references, ...one.references],
      }),
      first,
    )
  } catch (error) {
    stop(error)
    return nothing
  }
}

function owned(secret: FoundSecret, { job, step }: Owner): SecretReference {
  return { ...secret, ...optional('job', job), ...optional('step', step) }
}

function boundedSecrets({ secrets }: Read, problems: ReadProblem[]): PipelineFile['secrets'] {
  const next = secrets[bounds.secrets]
  if (next !== undefined)
    problems.push({
      message: `only the first ${bounds.secrets} of its references to secrets are told`,
      span: next.span,
    })
  return secrets.slice(0, bounds.secrets)
}
