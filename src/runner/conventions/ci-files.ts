/** What a file of this kind changes for the steps after it. */
export type CiFileKind = 'variables' | 'path' | 'outputs' | 'text'

/** How its lines are written. */
export type CiFileForm = 'github' | 'dotenv' | 'shell' | 'lines' | 'text'

export interface CiFile {
  /** The variable that names it, for the step as for the job. */
  readonly variable: string
  readonly kind: CiFileKind
  readonly form: CiFileForm
  /** The CI's own file, outside. */
  readonly outside: string
  /** Where the step writes. */
  readonly inside: string
}

/**
 * GitHub: docs.github.com, "Workflow commands", "Environment files"; Buildkite: "Environment variables",
 * `BUILDKITE_ENV_FILE`; CircleCI: "Set an environment variable in a shell command", `BASH_ENV`.
 */
const known: readonly (Pick<CiFile, 'variable' | 'kind' | 'form'> & { readonly ci: string })[] = [
  { ci: 'GITHUB_ACTIONS', variable: 'GITHUB_ENV', kind: 'variables', form: 'github' },
  { ci: 'GITHUB_ACTIONS', variable: 'GITHUB_PATH', kind: 'path', form: 'lines' },
  { ci: 'GITHUB_ACTIONS', variable: 'GITHUB_OUTPUT', kind: 'outputs', form: 'github' },
  { ci: 'GITHUB_ACTIONS', variable: 'GITHUB_STATE', kind: 'outputs', form: 'github' },
  { ci: 'GITHUB_ACTIONS', variable: 'GITHUB_STEP_SUMMARY', kind: 'text', form: 'text' },
  { ci: 'BUILDKITE', variable: 'BUILDKITE_ENV_FILE', kind: 'variables', form: 'dotenv' },
  { ci: 'CIRCLECI', variable: 'BASH_ENV', kind: 'variables', form: 'shell' },
]

/** The files that this job's CI has. */
export function ciFilesOf(job: Readonly<Record<string, string>>): CiFile[] {
  return known.flatMap(({ ci, ...file }) => {
    const outside = job[file.variable]
    if (job[ci] !== 'true' || outside === undefined || !outside.startsWith('/')) return []
    return [{ ...file, outside, inside: `/run/mayfly/ci/${file.variable.toLowerCase()}` }]
  })
}
