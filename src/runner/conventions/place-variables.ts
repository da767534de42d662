/** Variables by which CIs say where the checkout is. */
const workspaceNames = [
  ...['GITHUB_WORKSPACE', 'CI_PROJECT_DIR', 'BUILDKITE_BUILD_CHECKOUT_PATH', 'CIRCLE_WORKING_DIRECTORY'],
  ...[
    'BITBUCKET_CLONE_DIR',
    'BUILD_SOURCESDIRECTORY',
    'BUILD_REPOSITORY_LOCALPATH',
    'SYSTEM_DEFAULTWORKINGDIRECTORY',
  ],
  ...['WORKSPACE', 'TRAVIS_BUILD_DIR', 'DRONE_WORKSPACE', 'CI_WORKSPACE', 'APPVEYOR_BUILD_FOLDER'],
]

/** And where a job's own files go, which are gone after it. */
const temporaryNames = ['RUNNER_TEMP', 'AGENT_TEMPDIRECTORY']

/** Those that the job has, as they are for a step: its own workspace, and its own /tmp. */
export function placeVariables(
  job: Readonly<Record<string, string>>,
  workspaceInside: string,
): Record<string, string> {
  const set = (names: readonly string[], path: string) =>
    names.filter((name) => job[name] !== undefined).map((name) => [name, path])
  return Object.fromEntries([...set(workspaceNames, workspaceInside), ...set(temporaryNames, '/tmp')])
}
