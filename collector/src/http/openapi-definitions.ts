// How the routes are described that define traits, segments and surveys, and that ask about these.
// Invariant: describes only; the routes themselves are in files of their own.
import {
  admin,
  failure,
  idParameter,
  type Json,
  json,
  keyParameter,
  ok,
  page,
  paging,
  parameter,
  ref,
} from './openapi-words.ts';

export function definitionPaths(): Json {
  const paths: Json = {};
  const notListed = { 404: failure('Unknown segment or profile'), 409: failure('Not a static segment') };
  for (const [kind, name] of [
    ['traits', 'TraitDefinition'],
    ['segments', 'SegmentDefinition'],
    ['surveys', 'SurveyDefinition'],
  ] as const) {
    paths[`/api/${kind}`] = {
      get: {
        summary: `List ${kind}`,
        security: admin,
        parameters: paging,
        responses: { 200: ok('A page', page(ref('DefinitionView'))) },
      },
    };
    paths[`/api/${kind}/{key}`] = {
      parameters: [keyParameter],
      get: {
        summary: 'Read one',
        security: admin,
        responses: { 200: ok('The definition', ref('DefinitionView')), 404: failure('Unknown') },
      },
      put: {
        summary: 'Create or change one; it is built beside the one in force',
        security: admin,
        requestBody: { required: true, ...json(ref(name)) },
        responses: {
          200: ok('Changed, or as it was', ref('DefinitionView')),
          201: ok('Created', ref('DefinitionView')),
          422: failure('Invalid; details hold pointers'),
        },
      },
      delete: {
        summary: 'Delete one',
        security: admin,
        responses: {
          204: { description: 'Deleted' },
          404: failure('Unknown'),
          409: failure('Another definition needs it'),
        },
      },
    };
  }
  paths['/api/segments/{key}/profiles'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Who is in the segment',
      security: admin,
      parameters: paging,
      responses: { 200: ok('A page', page({ type: 'object' })), 404: failure('Unknown') },
    },
  };
  paths['/api/segments/{key}/profiles/{id}'] = {
    parameters: [keyParameter, idParameter],
    put: {
      summary: 'Put somebody on a static segment, by the very id given',
      security: admin,
      responses: { 204: { description: 'On it' }, ...notListed },
    },
    delete: {
      summary: 'Take an id off a static segment; by a profile’s own id, every id of that person',
      security: admin,
      responses: { 204: { description: 'Off it' }, ...notListed },
    },
  };
  paths['/api/segments/preview'] = {
    post: {
      summary: 'Size and a sample of people of a segment that is not saved',
      security: admin,
      requestBody: { required: true, ...json(ref('SegmentDefinition')) },
      responses: {
        200: ok('Its size and sample', { type: 'object' }),
        422: failure('Invalid; details hold pointers'),
      },
    },
  };
  paths['/api/surveys/{key}/eligibility'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Why somebody would be asked now or not: every gate and what it rests on',
      security: admin,
      parameters: [
        {
          ...parameter('id', 'query', 'user:<userId>, anon:<anonymousId> or the profile’s own'),
          required: true,
        },
        parameter('url', 'query', 'the page they would be on'),
        {
          ...parameter('verified', 'query', 'whether they prove who they are; not known unless given'),
          schema: { enum: ['true', 'false'] },
        },
      ],
      responses: {
        200: ok('The gates', ref('Eligibility')),
        400: failure('No id, a url that is none, or an unknown parameter'),
        404: failure('Unknown survey or profile'),
        409: failure('Still being built'),
      },
    },
  };
  paths['/api/surveys/{key}/responses'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Every submission, one for each sender and submissionId',
      security: admin,
      parameters: paging,
      responses: {
        200: ok('A page', page({ type: 'object' })),
        400: failure('A bad limit or cursor, or an unknown parameter'),
        404: failure('Unknown'),
      },
    },
  };
  paths['/api/surveys/{key}/results'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Counts, shares and scores with their intervals, funnel, quality, groups and weights',
      description:
        'Exact as of `at`. Figures that cannot be computed are null. docs/survey-results.md says what each means.',
      security: admin,
      parameters: [
        parameter('segment', 'query', 'only its members, as of now'),
        parameter('from', 'query', 'completed, or last heard of, from this day (UTC) or instant on'),
        parameter('to', 'query', 'to the end of this day or to this instant, included'),
        parameter(
          'by',
          'query',
          'tells groups apart: segment:<key>, computed:<key>, trait:<key>, or a key alone, looked for in that order',
        ),
      ],
      responses: {
        200: ok('The results', ref('SurveyResults')),
        400: failure('A bad parameter, an unknown segment or computed trait'),
        404: failure('Unknown survey'),
      },
    },
  };
  paths['/api/needs'] = {
    get: {
      summary: 'Stated need beside revealed use, feature by feature, the greatest opportunity first',
      security: admin,
      parameters: [
        parameter(
          'survey',
          'query',
          'a survey that maps features, repeated for more; all of them by default',
        ),
        parameter('segment', 'query', 'whose answers and use; everybody’s by default'),
        parameter('within', 'query', 'the window of use, such as 30d'),
      ],
      responses: {
        200: ok('The board', ref('Needs')),
        400: failure('No duration, an unknown parameter, or a survey without features'),
        404: failure('Unknown survey or segment'),
        409: failure('The segment is still being built'),
      },
    },
  };
  paths['/api/segments/{key}/transitions'] = {
    parameters: [keyParameter],
    get: {
      summary: 'Who entered and left, in order of commit',
      security: admin,
      parameters: [paging[0], parameter('after', 'query', 'the last seq seen')],
      responses: {
        200: ok('A page', page(ref('Transition'), { type: ['integer', 'null'] })),
        404: failure('Unknown'),
      },
    },
  };
  return paths;
}
