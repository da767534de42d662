import { MayflyError } from '../../lib/index.ts'

type Variables = Readonly<Record<string, string | undefined>>

/**
 * Throws `denied` in a CI job that strangers may have a hand in, or of which that is not known: what a fork commits is not to be asked
 * about with the token of an operator. What the CI says of its job it says in variables of its own: GitHub `GITHUB_EVENT_NAME`, GitLab
 * `CI_PIPELINE_SOURCE`, Buildkite `BUILDKITE_PULL_REQUEST`, CircleCI `CIRCLE_PULL_REQUEST` and `CIRCLE_PR_NUMBER` (each in its
 * documentation of predefined variables).
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
  if (is('BUILDKITE')) return variables['BUILDKITE_PULL_REQUEST'] === 'false'
  if (is('CIRCLECI')) return !has('CIRCLE_PULL_REQUEST') && !has('CIRCLE_PR_NUMBER')
  const isOther = ['CI', 'JENKINS_URL', 'TF_BUILD', 'TEAMCITY_VERSION'].some(has)
  return isOther && variables['CI'] !== 'false' ? undefined : true
}

async function byEvent(event: string | undefined): Promise<boolean | undefined> {
  if (event === undefined || event === '') return undefined
  const { isSurelyReviewed } = await import('../../policy/index.ts')
  return isSurelyReviewed({ event })
}
