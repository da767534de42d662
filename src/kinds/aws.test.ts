import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aws } from './aws.ts'

const at = (name: string, url = 'https://sts.amazonaws.com', regions = ['eu-west-1']) => ({
  ...{ name, url, authority: new URL(url).host },
  settings: { regions },
})

test('profiles: one for each connection, the first is the default, and their keys open nothing', () => {
  assert.deepEqual(aws.settingsFiles([]), [])
  const [config, credentials] = aws.settingsFiles([at('prod'), at('lab-2', 'https://minio.test:9000')])
  assert.deepEqual(
    [config?.variable, credentials?.variable],
    ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'],
  )
  assert.deepEqual(config?.text.match(/\[.*\]|endpoint_url.*|addressing.*/g), [
    '[default]',
    '[profile prod]',
    '[profile lab-2]',
    'endpoint_url = https://minio.test:9000',
    'addressing_style = path',
  ])
  assert.deepEqual(credentials?.text.match(/\[.*\]|_id = .*/g), [
    '[default]',
    '_id = MAYFLY_prod',
    '[prod]',
    '_id = MAYFLY_prod',
    '[lab-2]',
    '_id = MAYFLY_lab_2',
  ])
  const [own] = aws.settingsFiles([at('prod'), at('default')])
  assert.equal(own?.text.match(/^\[default\]$/gm)?.length, 1)
})

test('doors: the hosts of the services that grants name, and of buckets that are written out', () => {
  const grants = [
    'aws:read prod/s3:GetObject/releases/*',
    'aws:call prod/ecr:*',
    'aws:call lab/ecs:*',
    'aws:read prod/s3:List*/x*',
    'npm:install npm',
  ]
  assert.deepEqual(aws.doors(at('prod'), grants), [
    'releases.s3.eu-west-1.amazonaws.com',
    'releases.s3.amazonaws.com',
    's3.eu-west-1.amazonaws.com',
    's3.amazonaws.com',
    'api.ecr.eu-west-1.amazonaws.com',
  ])
  assert.deepEqual(aws.doors(at('prod', 'https://minio.test'), grants), ['releases.minio.test'])
})

test('grants: a service is written out, and * in the action stays there', () => {
  const { path, ref } = { path: aws.path.form, ref: aws.ref.form }
  for (const good of ['s3:*', 's3:Get*', 's3:GetObject', '*:*'.replace('*', 's3'), 'ec2:*Image*'])
    assert.ok(path.possible(good), good)
  for (const bad of ['s3', 's3:', 's3:Get Object']) assert.ok(!path.possible(bad), bad)
  // A limit may be for all.
  for (const all of ['*', '*:Get*', 's*:GetObject', 's3*'])
    assert.deepEqual([path.possible(all), aws.path.writtenOut.is(all)], [true, false], all)
  assert.ok(ref.possible('releases/*') && ref.possible('~') && ref.possible('a%20b'))
  assert.equal(ref.meant('a b/*'), 'a%20b/*')
})

test('a grant to read what only changes something, or reveals a secret, could never match', () => {
  const form = aws.actions['aws:read'].form
  for (const good of [
    's3:Get*',
    's3:*',
    's3:G*',
    's3:GetObject',
    'apigateway:GET',
    'ecs:DescribeServices',
    'x:*Tags',
  ])
    assert.ok(form.possible(good), good)
  for (const bad of [
    's3:PutObject',
    's3:Put*',
    'secretsmanager:GetSecretValue',
    'ecr:GetAuthorizationToken',
    'x:Delete*',
  ])
    assert.ok(!form.possible(bad), bad)
})

test('a grant that IAM spells in another way could never match, and is told how', () => {
  const { form } = aws.path
  for (const [written, meant] of [
    ['s3:putObject', 's3:PutObject'],
    ['S3:putObject', 's3:PutObject'],
    ['S3:Put*', 's3:Put*'],
  ] as const) {
    assert.equal(form.possible(written), false, written)
    assert.equal(form.meant(written), meant)
  }
  assert.equal(aws.actions['aws:read'].form.meant('S3:getObject'), 's3:GetObject')
  const spelled = (ref: string) => aws.refAt({ account: '123456789012', regions: ['eu-west-1'] }, ref)
  assert.equal(spelled('arn:aws:s3:::releases/app/*'), 'releases/app/*')
  assert.equal(spelled('arn:aws:iam::123456789012:role/deploy'), 'deploy')
  for (const own of ['arn:aws:iam::999999999999:role/deploy', 'arn:aws:iam::*:role/x', 'releases/app/*', '~'])
    assert.equal(spelled(own), own)
})

test('hosts of old are served, of the connection’s regions', () => {
  const served = (regions: string[]) => aws.serves({ regions }, 'https://sts.amazonaws.com')
  assert.ok(served(['eu-west-1']).includes('eu-west-1.queue.amazonaws.com'))
  assert.ok(!served(['eu-west-1']).includes('queue.amazonaws.com'))
  assert.ok(served(['us-east-1']).includes('queue.amazonaws.com'))
  assert.ok(served(['cn-north-1']).includes('cn-north-1.queue.amazonaws.com.cn'))
})
