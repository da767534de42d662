import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { inStep as runStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { startAws, storeHost, storeKey, type FakeAws } from '../servers/aws.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly aws: FakeAws
}

const role = 'arn:aws:iam::123456789012:role/deploy'
const other = 'arn:aws:iam::999999999999:role/other'

/** What a role that deploys has; the account's services stand for those that pipelines use. */
const grants = [
  'aws:read prod/sts:GetCallerIdentity',
  `aws:call prod/sts:AssumeRole/${other}`,
  'aws:call prod/s3:CreateBucket/made',
  'aws:call prod/s3:PutObject/releases/app/*',
  'aws:call prod/s3:DeleteObject/releases/app/*',
  'aws:read prod/s3:GetObject/releases/*',
  'aws:read prod/s3:ListBucket/releases',
  'aws:call prod/ecs:*',
  'aws:call prod/iam:PassRole/task',
  'aws:call prod/ecr:CreateRepository/app',
  'aws:call prod/ecr:GetAuthorizationToken',
  'aws:call prod/ssm:PutParameter/app/*',
  'aws:call prod/ssm:GetParameter/app/*',
  'aws:call prod/secretsmanager:CreateSecret/app',
  'aws:call prod/secretsmanager:GetSecretValue/app',
  'aws:call prod/dynamodb:*/app',
  'aws:call prod/cloudformation:CreateStack/app',
  'aws:read prod/cloudformation:DescribeStacks/app',
  'aws:call prod/cloudformation:*/web',
  'aws:call prod/sqs:*/app',
  'aws:read prod/lambda:ListFunctions',
  'aws:read prod/eks:ListClusters',
]

/** An account whose role is assumed for Mayfly's own identity. */
async function open(): Promise<World> {
  const aws = await startAws()
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          prod: {
            ...{ kind: 'aws', account: '123456789012', regions: ['eu-west-1'], dial: aws.dial, ca: aws.ca },
            credential: { 'aws-role': { role, sts: 'https://sts.amazonaws.com' } },
          },
          store: {
            ...{ kind: 'aws', url: `https://${storeHost}`, account: '000000000000', regions: ['us-east-1'] },
            ...{ dial: aws.dial, ca: aws.ca, credential: { basic: 'secret:store' } },
          },
        },
        grants: {
          release: [
            ...grants,
            'aws:call store/s3:PutObject/releases/store/*',
            'aws:read store/s3:GetObject/releases/store/*',
          ],
        },
      }),
  })
  await stage.operate(['secret', 'set', 'store'], `${storeKey.id}:${storeKey.secret}`)
  return {
    ...{ stage, aws },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await aws[Symbol.asyncDispose]()
    },
  }
}

function inStep(world: World, script: string, files: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return runStep(world, 'release', ['aws'], workspaceOf(world, files), `set -e\n${script}`)
}

async function works(world: World, script: string, files?: Readonly<Record<string, string>>): Promise<Ran> {
  const ran = await inStep(world, script, files)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  assert.deepEqual(
    world.aws.seen.filter(({ held }) => !held),
    [],
  )
  assert.doesNotMatch(`${ran.stdout}${ran.stderr}`, /ASIA/)
  return ran
}

const python = (text: string) => ({ 'it.py': text })
const runPython = '"$(dirname "$(readlink -f "$(command -v aws)")")"/python3 it.py'

export default suite<World>({
  name: 'aws',
  needs: ['moto_server', 'aws'],
  open,
  rows: [
    {
      name: 'aws s3: files, folders, parts, copies',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          `aws s3 mb s3://made
           head -c 20000000 /dev/urandom >big; mkdir site; for i in 1 2 3; do echo $i >"site/a b+$i (ä).txt"; done
           aws s3 cp big s3://releases/app/big --only-show-errors
           aws s3 cp s3://releases/app/big back --only-show-errors; cmp big back
           aws s3 sync site s3://releases/app/site --only-show-errors
           aws s3 ls s3://releases/app/site/
           aws s3 cp s3://releases/app/site/ down --recursive --only-show-errors; diff -r site down
           aws s3 cp s3://releases/app/big s3://releases/app/big2 --only-show-errors
           aws s3 mv s3://releases/app/big2 s3://releases/app/big3 --only-show-errors
           echo piped | aws s3 cp - s3://releases/app/piped; aws s3 cp s3://releases/app/piped -
           curl -fsS "$(aws s3 presign s3://releases/app/piped)"
           aws s3 rm s3://releases/app/ --recursive --only-show-errors; ! aws s3 ls s3://releases/app/`,
        )
        assert.match(stdout, /a b\+2 \(ä\)\.txt\n[^]*piped\npiped\n/)
        const [minted] = world.aws.assumed
        const token = String(minted?.get('WebIdentityToken')).split('.')[1] ?? ''
        const claims = JSON.parse(Buffer.from(token, 'base64url').toString()) as Record<string, object>
        const tags = claims['https://aws.amazon.com/tags'] as { principal_tags: Record<string, string[]> }
        assert.equal(minted?.get('RoleArn'), role)
        assert.deepEqual(tags.principal_tags['mayfly-role'], ['release'])
      },
    },
    {
      name: 'aws ecs, ecr, ssm, secretsmanager, dynamodb, cloudformation, lambda, eks',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          `export AWS_PAGER=
           aws sts get-caller-identity --query Account --output text
           aws ecs create-cluster --cluster-name web --query cluster.status --output text
           aws ecs register-task-definition --family app --task-role-arn arn:aws:iam::123456789012:role/task --container-definitions '[{"name":"app","image":"app","memory":64}]' --query taskDefinition.revision
           aws ecs create-service --cluster web --service-name app --task-definition app:1 --desired-count 1 --query service.serviceName --output text
           aws ecs update-service --cluster web --service app --desired-count 2 --query service.desiredCount
           aws ecr create-repository --repository-name app --query repository.repositoryName --output text
           aws ecr get-login-password
           aws ssm put-parameter --name /app/db --value orders --type SecureString --query Version
           aws ssm get-parameter --name /app/db --with-decryption --query Parameter.Value --output text
           aws secretsmanager create-secret --name app --secret-string s3cr3t --query Name --output text
           aws secretsmanager get-secret-value --secret-id app --query SecretString --output text
           aws dynamodb create-table --table-name app --attribute-definitions AttributeName=id,AttributeType=S --key-schema AttributeName=id,KeyType=HASH --billing-mode PAY_PER_REQUEST --query TableDescription.TableName --output text
           aws dynamodb put-item --table-name app --item '{"id":{"S":"1"}}'; aws dynamodb scan --table-name app --query Count
           aws cloudformation create-stack --stack-name app --template-body '{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}' --query 'starts_with(StackId,\`arn\`)'
           aws cloudformation describe-stacks --stack-name app --query 'Stacks[0].StackStatus' --output text
           echo '{"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}' >web.json
           aws cloudformation deploy --stack-name web --template-file web.json >&2
           aws cloudformation describe-stacks --stack-name web --query 'Stacks[0].StackStatus' --output text
           queue=$(aws sqs create-queue --queue-name app --query QueueUrl --output text)
           aws sqs send-message --queue-url "$queue" --message-body hello --query 'length(MessageId)'
           aws lambda list-functions --query 'length(Functions)'; aws eks list-clusters --query 'length(clusters)'`,
        )
        assert.deepEqual(
          stdout
            .trim()
            .split('\n')
            .map((line) => line.trim()),
          [
            ...[
              '123456789012',
              'ACTIVE',
              '1',
              'app',
              '2',
              'app',
              'held-by-the-gateway',
              '1',
              'orders',
              'app',
            ],
            ...['s3cr3t', 'app', '1', 'true', 'CREATE_COMPLETE', 'CREATE_COMPLETE', '36', '0', '0'],
          ],
        )
      },
    },
    {
      name: 'boto3: profiles, waiters, streams, a role that is assumed',
      needs: [],
      async run(world) {
        const { stdout } = await works(
          world,
          runPython,
          python(`
import boto3, io
s = boto3.Session(profile_name='prod')
print(s.region_name)
s3 = s.resource('s3').Bucket('releases')
s3.upload_fileobj(io.BytesIO(b'x' * 9_000_000), 'app/py')
print(sum(o.size for o in s3.objects.filter(Prefix='app/py')))
print(len(s3.Object('app/py').get(Range='bytes=0-99')['Body'].read()))
s3.delete_objects(Delete={'Objects': [{'Key': 'app/py'}, {'Key': 'app/none & <all>'}]})
c = s.client('sts').assume_role(RoleArn='${other}', RoleSessionName='other')['Credentials']
print(c['AccessKeyId'], c['SessionToken'])
o = boto3.client('s3', aws_access_key_id=c['AccessKeyId'], aws_secret_access_key=c['SecretAccessKey'], aws_session_token=c['SessionToken'])
o.put_object(Bucket='releases', Key='app/by-other', Body=b'1')
print(o.get_object(Bucket='releases', Key='app/by-other')['Body'].read())
`),
        )
        assert.deepEqual(stdout.trim().split('\n'), [
          ...['eu-west-1', '9000000', '100', 'MAYFLY_prod_SESSION1 held-by-the-gateway', "b'1'"],
        ])
      },
    },
    {
      name: 'AWS SDK for JavaScript, which knows no proxy',
      needs: ['aws-sdk-js'],
      async run(world) {
        const script = `
const { S3Client, PutObjectCommand, GetObjectCommand, ListObjectsV2Command } = require('@aws-sdk/client-s3')
const { Readable } = require('node:stream')
const main = async () => {
  const s3 = new S3Client({ profile: 'prod' })
  const at = { Bucket: 'releases', Key: 'app/by js' }
  await s3.send(new PutObjectCommand({ ...at, Body: 'hello' }))
  console.log(await (await s3.send(new GetObjectCommand(at))).Body.transformToString())
  console.log((await s3.send(new ListObjectsV2Command({ Bucket: 'releases', Prefix: 'app/by js' }))).KeyCount)
  await s3.send(new PutObjectCommand({ ...at, Key: 'other' })).catch(({ name, message }) => console.log(name, message))
}
main()`
        const ran = await runStep(
          world,
          'release',
          ['aws-sdk-js'],
          workspaceOf(world, { 'it.cjs': script }),
          'NODE_PATH=$(aws-sdk-js) node it.cjs',
        )
        assert.match(
          ran.stdout,
          /^hello\n1\nAccessDenied mayfly: refused: aws:call prod\/s3:PutObject\/releases\/other/,
          ran.stderr,
        )
      },
    },
    {
      name: 'a store that speaks S3, by its own URL and a kept key; curl, which signs by itself',
      needs: ['curl'],
      async run(world) {
        const { stdout } = await works(
          world,
          `echo kept | aws --profile store s3 cp - s3://releases/store/a; aws --profile store s3 cp s3://releases/store/a -
           sign() { curl -fsS -H x-amz-content-sha256:UNSIGNED-PAYLOAD --aws-sigv4 aws:amz:us-east-1:s3 -u MAYFLY_store:held-by-the-gateway "$@"; }
           sign -T it.txt https://${storeHost}/releases/store/by-curl; sign https://${storeHost}/releases/store/by-curl`,
          { 'it.txt': 'curl' },
        )
        assert.equal(stdout, 'kept\ncurl')
        assert.equal(world.aws.seen.at(-1)?.key, storeKey.id)
      },
    },
    {
      name: 'refused outside of its grants, at once, and upstream hears nothing of it',
      needs: [],
      async run(world) {
        const before = world.aws.seen.length
        const { stdout } = await works(
          world,
          `export AWS_PAGER=
           echo x | { ! aws s3 cp - s3://releases/other 2>&1; }
           ! aws iam create-role --role-name admin --assume-role-policy-document '{}' 2>&1
           ! aws ecs register-task-definition --family app --task-role-arn arn:aws:iam::123456789012:role/admin --container-definitions '[]' 2>&1
           ! aws s3 ls --region us-east-1 2>&1
           ! aws s3 ls s3://releases --no-sign-request 2>&1
           ! AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=x aws s3 ls s3://releases 2>&1`,
        )
        assert.equal(world.aws.seen.length, before)
        for (const [why, text] of [
          ['AccessDenied', 'aws:call prod/s3:PutObject/releases/other'],
          ['AccessDenied', 'aws:call prod/iam:CreateRole/admin'],
          ['AccessDeniedException', 'aws:call prod/iam:PassRole/admin'],
          ['AccessDenied', 'is not signed'],
          ['AccessDenied', 'AKIAIOSFODNN7EXAMPLE, which is not the stand-in'],
        ] as const)
          assert.ok(stdout.includes(`(${why})`) && stdout.includes(text), `${text}: ${stdout}`)
      },
    },
    {
      name: 'a session that ends in the middle is followed by the next',
      needs: [],
      async run(world) {
        const minted = world.aws.assumed.length
        const workspace = workspaceOf(world)
        const running = runStep(
          world,
          'release',
          ['aws'],
          workspace,
          `set -e; echo 1 | aws s3 cp - s3://releases/app/1; touch first; until test -e go; do sleep 0.1; done
           echo 2 | aws s3 cp - s3://releases/app/2; aws s3 cp s3://releases/app/2 -`,
        )
        await untilThere(join(workspace, 'first'), running)
        world.aws.expire()
        writeFileSync(join(workspace, 'go'), '')
        const ran = await running
        assert.equal(ran.stdout, '2\n', ran.stderr)
        assert.equal(world.aws.assumed.length, minted + 2)
      },
    },
    {
      name: 'a step that is revoked in the middle asks nothing more',
      needs: [],
      async run(world) {
        const workspace = workspaceOf(world)
        const running = runStep(
          world,
          'release',
          ['aws'],
          workspace,
          `echo $MAYFLY_RUN >run; while echo x | aws s3 cp - s3://releases/app/x; do touch first; done`,
        )
        await untilThere(join(workspace, 'first'), running)
        const run = readFileSync(join(workspace, 'run'), 'utf8').trim()
        const revoked = await world.stage.operate(['revoke', '--run', run])
        assert.equal(revoked.exitCode, 0, revoked.stderr)
        const { length } = world.aws.seen
        assert.notEqual((await running).exitCode, 0)
        assert.equal(world.aws.seen.length, length)
      },
    },
  ],
})

/** The step is so far. */
async function untilThere(file: string, running: Promise<Ran>): Promise<void> {
  let ended: Ran | undefined
  void running.then((ran) => (ended = ran))
  while (!existsSync(file)) {
    if (ended !== undefined) throw new Error(`the step ended: ${ended.stderr}`)
    await new Promise((next) => setTimeout(next, 20))
  }
}
