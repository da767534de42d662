import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../../lib/index.ts'
import { refuseStrangers } from './strangers.ts'

const github = { CI: 'true', GITHUB_ACTIONS: 'true' }
const gitlab = { CI: 'true', GITLAB_CI: 'true' }

test('in a job that strangers may have a hand in nothing is verified, nor where nobody says', async () => {
  for (const variables of [
    { ...github, GITHUB_EVENT_NAME: 'pull_request' },
    { ...github, GITHUB_EVENT_NAME: 'pull_request_target' },
    { ...github, GITHUB_EVENT_NAME: 'workflow_run' },
    { ...github },
    { ...github, GITHUB_EVENT_NAME: '' },
    { ...gitlab, CI_PIPELINE_SOURCE: 'merge_request_event' },
    ...['gollum', 'watch', 'merge_group', 'what_comes_next'].map((event) => ({
      ...{ ...github, GITHUB_EVENT_NAME: event },
    })),
    ...['parent_pipeline', 'pipeline', 'trigger', 'api'].map((source) => ({
      ...{ ...gitlab, CI_PIPELINE_SOURCE: source },
    })),
    { ...gitlab, CI_PIPELINE_SOURCE: 'push', CI_MERGE_REQUEST_IID: '4' },
    { CI: 'true', BUILDKITE: 'true', BUILDKITE_PULL_REQUEST: '12' },
    { CI: 'true', BUILDKITE: 'true' },
    { CI: 'true', CIRCLECI: 'true', CIRCLE_PR_NUMBER: '3' },
    // In projects of GitHub Apps and GitLab it names no pull request.
    { CI: 'true', CIRCLECI: 'true', CIRCLE_BRANCH: 'pull/7' },
    { CI: 'true', CIRCLECI: 'true' },
    { CI: 'true', BUILDKITE: 'true', BUILDKITE_PULL_REQUEST: 'false', BUILDKITE_SOURCE: 'trigger_job' },
    { CI: 'true', BUILDKITE: 'true', BUILDKITE_PULL_REQUEST: 'false' },
    ...['false', '', undefined].flatMap((CI) => [
      { CI, JENKINS_URL: 'http://j', CHANGE_ID: '7' },
      { CI, TF_BUILD: 'True', BUILD_REASON: 'PullRequest' },
      { CI, CODEBUILD_BUILD_ID: 'a:b', CODEBUILD_WEBHOOK_EVENT: 'PULL_REQUEST_CREATED' },
      { CI, bamboo_buildKey: 'x' },
      { CI, GO_PIPELINE_NAME: 'x' },
      { CI, TEAMCITY_VERSION: '2026' },
      { CI, DRONE: 'true' },
      { CI, CI_SYSTEM_NAME: 'woodpecker' },
      { CI, GITHUB_ACTIONS: 'yes' },
    ]),
    { CI: 'woodpecker' },
    { CI: 'true' },
    { JENKINS_URL: 'https://jenkins.corp.test' },
  ])
    await assert.rejects(
      refuseStrangers(variables),
      (error) =>
        error instanceof MayflyError &&
        error.code === 'denied' &&
        /nothing is verified or revoked/.test(error.message),
      JSON.stringify(variables),
    )
})

test('in one of ours, and outside of a CI, it is', async () => {
  for (const variables of [
    {},
    { CI: 'false' },
    { ...github, GITHUB_EVENT_NAME: 'push' },
    { ...github, GITHUB_EVENT_NAME: 'schedule' },
    { ...gitlab, CI_PIPELINE_SOURCE: 'push' },
    { ...gitlab, CI_PIPELINE_SOURCE: 'web' },
    ...['webhook', 'ui', 'api', 'schedule'].map((BUILDKITE_SOURCE) => ({
      ...{ CI: 'true', BUILDKITE: 'true', BUILDKITE_PULL_REQUEST: 'false', BUILDKITE_SOURCE },
    })),
    { CI: 'false' },
  ])
    await refuseStrangers(variables)
})
