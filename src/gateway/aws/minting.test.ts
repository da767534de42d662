import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kinds } from '../../kinds/index.ts'
import { openAws } from './aws.fixture.ts'
import { endpointOf } from './endpoint.ts'
import { readOperation } from './operation.ts'
import { readS3 } from './s3.ts'
import { readTarget } from './target.ts'

const home = { account: '123456789012', regions: ['eu-west-1'] }

/** What a request by method and path comes to. */
async function read(service: string, method: string, path: string, place?: string) {
  const target = readTarget(path, '', false)
  if (typeof target === 'string') return target
  const endpoint = { service, isMain: place === undefined, ...(place === undefined ? {} : { place }) }
  return readOperation({ endpoint, method, target, headers: {}, body: Buffer.alloc(0), home })
}

test('no answer that is a credential passes, whatever is granted, by name or by path', async (t) => {
  for (const [service, method, path, place] of [
    ['s3', 'GET', '/v20180820/accessgrantsinstance/dataaccess', '123456789012.s3-control'],
    ['codeartifact', 'POST', '/v1/authorization-token'],
    ['codeartifact', 'POST', '/V1/authorization%2Dtoken/', 'fips.codeartifact'],
    ['iot', 'POST', '/keys-and-certificate'],
    ['lakeformation', 'POST', '/GetTemporaryGlueTableCredentials'],
    ['eks-auth', 'POST', '/clusters/web/assume-role-for-pod-identity'],
    ['apigateway', 'POST', '/apikeys'],
    ['apigateway', 'GET', '/apikeys/abc'],
    ['airflow', 'POST', '/clitoken/web'],
  ] as const)
    assert.match(
      String(await read(service, method, path, place)),
      /would be a credential, which no step may hold/,
      path,
    )
  const session = {
    method: 'GET',
    target: { parts: ['bkt'], path: '/bkt', query: [['session', '']] as const },
  }
  const asked = readS3({ ...session, headers: {}, bucket: undefined })
  assert.equal(typeof asked === 'string' ? asked : asked.called[0]?.action, 'CreateSession')
  const express = { date: '', region: 'eu-west-1', service: 's3express' }
  const at = 'b--euw1-az1--x-s3.s3express-euw1-az1.eu-west-1.amazonaws.com'
  assert.match(
    String(endpointOf(at, express, { own: 'sts.amazonaws.com', regions: ['eu-west-1'] })),
    /S3 Express/,
  )

  const world = await openAws(t, ['aws:call prod/ssm:*', 'aws:call prod/codebuild:*'])
  for (const [service, target] of [
    ['ssm', 'AmazonSSM.GetAccessToken'],
    ['ssm', 'AmazonSSM.CreateActivation'],
    ['codebuild', 'CodeBuild_20161006.StartSandboxConnection'],
  ] as const) {
    const host = `${service}.eu-west-1.amazonaws.com`
    const headers = { 'x-amz-target': target }
    const { body } = await world.askAws({ host, service, method: 'POST', body: '{}', headers })
    assert.match(body, /would be a credential/, target)
  }
  assert.equal(world.aws.begun.length, 0)
})

test('what opens something is no reading: a function’s code by a signed address, a kept password', async () => {
  const isRead = async (service: string, path: string) => {
    const found = await read(service, 'GET', path)
    return typeof found === 'string' ? found : found.called[0]?.read
  }
  assert.equal(await isRead('lambda', '/2015-03-31/functions/web'), false)
  assert.equal(await isRead('lambda', '/2018-10-31/layers/web/versions/1'), false)
  assert.equal(await isRead('lambda', '/2018-10-31/layers'), false)
  assert.equal(await isRead('dataexchange', '/v1/jobs/x'), false)
  assert.equal(await isRead('amplify', '/apps/x'), false)
  assert.equal(await isRead('lambda', '/2015-03-31/functions'), true)
  assert.equal(await isRead('eks', '/clusters/web'), true)
  const { form } = kinds.aws.actions['aws:read']
  for (const opens of [
    'lambda:GetFunction',
    'lightsail:GetInstanceAccessDetails',
    'codepipeline:GetJobDetails',
  ])
    assert.equal(form.is(opens), false, opens)
  assert.equal(form.is('lambda:GetFunctionConfiguration'), true)
})
