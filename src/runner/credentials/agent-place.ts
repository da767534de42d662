import { lstatSync, mkdirSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { tmpdir } from 'node:os'
import type { Environment } from '../../config/environment.ts'
import { MayflyError, sha256Hex } from '../../lib/index.ts'

/** What tells the jobs of one user on one machine apart: one that is trusted less must not find the agent of another. */
const jobNames = [
  ...['GITHUB_RUN_ID', 'GITHUB_RUN_ATTEMPT', 'GITHUB_JOB', 'CI_JOB_ID', 'BUILDKITE_JOB_ID', 'BUILD_TAG'],
  ...['CIRCLE_WORKFLOW_JOB_ID', 'SYSTEM_JOBID', 'BITBUCKET_STEP_UUID', 'TFC_RUN_ID', 'RUNNER_TRACKING_ID'],
  ...['CODEBUILD_BUILD_ID', 'TRAVIS_JOB_ID', 'SEMAPHORE_JOB_ID', 'APPVEYOR_JOB_ID', 'CIRRUS_TASK_ID'],
  // TeamCity's is a file of one build alone.
  ...['TEAMCITY_BUILD_PROPERTIES_FILE', 'HARNESS_BUILD_ID', 'HARNESS_STAGE_ID', 'CF_BUILD_ID', 'SD_BUILD_ID'],
  // Numbers count within a repository, a pipeline or a stage: Drone, Woodpecker, GoCD.
  ...[
    'DRONE_REPO',
    'DRONE_BUILD_NUMBER',
    'DRONE_STAGE_NUMBER',
    'CI_REPO',
    'CI_PIPELINE_NUMBER',
    'CI_WORKFLOW_NUMBER',
  ],
  ...['GO_PIPELINE_NAME', 'GO_PIPELINE_COUNTER', 'GO_STAGE_NAME', 'GO_STAGE_COUNTER', 'GO_JOB_NAME'],
  // Jenkins, and whatever calls it the same.
  ...['JOB_NAME', 'BUILD_ID', 'BUILD_NUMBER', 'bamboo_buildResultKey'],
]

/**
 * Where the agent of this job, for this role at this server, listens: a socket in a folder that only this user can enter. No
 * secret is kept there. Throws `data_folder` for a folder that is somebody else's, or open to others.
 */
export function agentSocket(environment: Environment, server: string, role: string): string {
  const { variables, identitySource } = environment
  const job = jobNames.map((name) => variables[name] ?? '')
  const name = sha256Hex(JSON.stringify([server, role, identitySource, job])).slice(0, 24)
  return join(ownFolder(variables['XDG_RUNTIME_DIR']), name)
}

function ownFolder(runtime: string | undefined): string {
  const uid = process.getuid?.() ?? 0
  const folder =
    runtime !== undefined && isAbsolute(runtime) && runtime.length < 60
      ? join(runtime, 'mayfly')
      : join(tmpdir(), `mayfly-agents-${uid}`)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch {
    // What is wrong with it is said below.
  }
  const stat = lstatSync(folder, { throwIfNoEntry: false })
  if (stat?.isDirectory() === true && stat.uid === uid && (stat.mode & 0o077) === 0) return folder
  throw new MayflyError(
    'data_folder',
    `${folder} is not a folder of this user that is closed to others: remove it, or set XDG_RUNTIME_DIR`,
  )
}
