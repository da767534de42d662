import { MayflyError } from '../../lib/index.ts'

type Variables = Readonly<Record<string, string | undefined>>

/**
 * Throws `denied` in a CI job that strangers may have a hand in, or of which that is not known: what a fork commits is not to be asked
 * about with the token of an operator. What the CI says of its job it says in variables of its own: GitHub `GITHUB_EVENT_NAME`, GitLab
 * `CI_PIPELINE_SOURCE`, Buildkite `BUILDKITE_PULL_REQUEST` and `BUILDKITE_SOURCE` (each in its documentation of predefined variables).
 * CircleCI names a pull request only in projects of GitHub OAuth and Bitbucket, so that nothing there says that it is none.
 */
export async function refuseStrangers(variables: Variables): Promise<void> {
  const isOurs = await isReviewed(variables)
  if (isOurs === true) return
  throw new MayflyError(
    'denied',
    isOurs === false
      ? 'this job is of a pull or merge request, or of an event that somebody else can set off: nothing is verified or revoked in it (docs/scan-verify.md lists the events in which it is)'
      : 'this CI does not say whether strangers have a hand in the job: nothing is verified or revoked in it',
  )
}

async function isReviewed(variables: Variables): Promise<boolean | undefined> {
  const is = (name: string) => /^(?:true|1)$/i.test(variables[name] ?? '')
  const has = (name: string) => (variables[name] ?? '') !== ''
  if (is('GITHUB_ACTIONS')) return await byEvent(variables['GITHUB_EVENT_NAME'])
  if (is('GITLAB_CI'))
    return has('CI_MERGE_REQUEST_IID') ? false : await byEvent(variables['CI_PIPELINE_SOURCE'])
  if (is('BUILDKITE')) {
    if (variables['BUILDKITE_PULL_REQUEST'] !== 'false') return false
    // `trigger_job`: of a build that may be a pull request's, of which this one does not say.
    return /^(?:webhook|ui|api|schedule)$/.test(variables['BUILDKITE_SOURCE'] ?? '') ? true : undefined
  }
  // A person's machine is one that is no CI: `CI=false` is set in many, for what npm does otherwise.
  const isOther = has('CI') && !/^(?:false|0)$/i.test(variables['CI'] ?? '')
  return isOther || ofOtherCis.some(has) ? undefined : true
}

/** What other CIs set in each job, by their documentation. */
const ofOtherCis = [
  ...['CIRCLECI', 'JENKINS_URL', 'HUDSON_URL', 'BUILD_NUMBER', 'BUILD_ID', 'TF_BUILD', 'TEAMCITY_VERSION'],
  ...['CODEBUILD_BUILD_ID', 'bamboo_buildKey', 'bamboo_planKey', 'GO_PIPELINE_NAME', 'GO_SERVER_URL'],
  ...['DRONE', 'CI_SYSTEM_NAME', 'BITBUCKET_BUILD_NUMBER', 'TRAVIS', 'APPVEYOR', 'SEMAPHORE', 'CIRRUS_CI'],
  ...[
    'HARNESS_BUILD_ID',
    'BUDDY',
    'BITRISE_IO',
    'CM_BUILD_ID',
    'SCREWDRIVER',
    'CF_BUILD_ID',
    'BUILDER_OUTPUT',
  ],
  ...['NETLIFY', 'VERCEL', 'CF_PAGES', 'RENDER', 'TASKCLUSTER_ROOT_URL', 'HEROKU_TEST_RUN_ID', 'AWS_BRANCH'],
  ...[
    'GITHUB_ACTIONS',
    'GITLAB_CI',
    'BUILDKITE',
    'GITEA_ACTIONS',
    'FORGEJO_ACTIONS',
    'CONTINUOUS_INTEGRATION',
  ],
]

async function byEvent(event: string | undefined): Promise<boolean | undefined> {
  if (event === undefined || event === '') return undefined
  const { isSurelyReviewed } = await import('../../policy/index.ts')
  return isSurelyReviewed({ event })
}
