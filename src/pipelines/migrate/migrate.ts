import type { CiName, PipelineFile } from '../model.ts'
import { migrateWorkflow, untouched } from './github/workflow.ts'
import { OverBound } from '../read/bounds.ts'
import { readPipeline } from '../read/read-pipeline.ts'
import { applyEdits, OverlappingEdits } from './edits.ts'
import { migrateBitbucket } from './bitbucket/pipeline.ts'
import { migrateBuildkite } from './buildkite/pipeline.ts'
import { migrateCircleci } from './circleci/config.ts'
import { readAsOne } from './gitlab/beside.ts'
import { migrateGitlab } from './gitlab/pipeline.ts'
import type { Migration, Project } from './model.ts'
import { apart } from './apart.ts'
import { besideApi } from './one-host.ts'
import { atTheirRegistries } from './registry-hosts.ts'

/** Moves one pipeline file; what cannot be moved is told in `kept`. Nothing is written here. Never throws, whatever a stranger wrote. */
export function migrateFile(file: PipelineFile, project: Project): Migration {
  try {
    const ways = project.ways ?? new Map()
    const migration = atTheirRegistries(moved(file, { ...project, ways }), project.registries ?? [])
    const why = whatIsWrong(migration)
    return why === undefined ? migration : refused(file, why)
  } catch (error) {
    if (error instanceof OverBound || error instanceof OverlappingEdits) return refused(file, error.message)
    if (error instanceof RangeError) return refused(file, 'it is nested too deeply')
    throw error
  }
}

/** Moves files of a checkout, each role by a name of its own. `all`: those that the checkout has beside them. */
export function migrateFiles(
  files: readonly PipelineFile[],
  project: Project,
  all: readonly PipelineFile[] = files,
): Migration[] {
  const taken = new Set(project.taken)
  const ways = new Map<string, string>()
  const migrations = files.map((file) => {
    const beside = file.ci === 'gitlab' ? readAsOne(file, all) : []
    const migration = migrateFile(file, { ...project, taken, ways, beside })
    for (const { name } of migration.roles) taken.add(name)
    return migration
  })
  return apart(besideApi(migrations))
}

const movers: Readonly<Partial<Record<CiName, (file: PipelineFile, project: Project) => Migration>>> = {
  github: migrateWorkflow,
  gitlab: migrateGitlab,
  buildkite: migrateBuildkite,
  circleci: migrateCircleci,
  bitbucket: migrateBitbucket,
}

function refused(file: PipelineFile, why: string): Migration {
  return { ...untouched(file), kept: [{ span: { start: 0, end: 0 }, what: 'the file', why }] }
}

/**
 * What is written in a form that nobody thought of is rather left than broken: its own reader finds no more wrong in it than
 * before, and each secret that is said to be moved is gone.
 */
function whatIsWrong({ file, edits, moved: gone }: Migration): string | undefined {
  if (edits.length === 0) return undefined
  const after = readPipeline(file.path, applyEdits(file.text, edits), file.ci, file.role)
  if (after.problems.some(({ isUnclear }) => isUnclear !== true))
    return 'what would come out could not be read again'
  if (after.secrets.length > file.secrets.length - gone.length)
    return 'what would come out still reads a secret that was to be moved'
  return undefined
}

function moved(file: PipelineFile, project: Project): Migration {
  // Of a file that is not read to its end nobody knows where what stands.
  if (file.problems.length > 0)
    return {
      ...untouched(file),
      kept: file.problems.map(({ span, message }) => ({
        span,
        what: 'the file',
        why: message,
        instead: 'mend it first',
      })),
    }
  const move = movers[file.ci]
  if (move !== undefined) return move(file, project)
  return {
    ...untouched(file),
    kept: file.secrets.map(({ span, name }) => ({
      span,
      what: name,
      why: `pipelines of ${file.ci} are not rewritten`,
      instead:
        'docs/issuers.md says what its job needs; put the steps into a pipeline file (docs/pipelines.md)',
    })),
  }
}
