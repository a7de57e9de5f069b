-- One row for every person who was asked about work: the census does not ask children under 16, nor
-- those who live in institutions (prisons, nursing homes), and counts both as without. Nothing is
-- joined: all that is known of a person is what they answered, and it is known when they are asked.
-- Sex and race stand here to be watched; no model sees them, because they are not among the types
-- of model.yaml.
SELECT
    id,
    asked_at,
    asked_at - getvariable('horizon') AS prediction_time,

    agep AS age,
    schl AS schooling, -- from none (1) to a doctorate (24)
    mar AS marital_status,
    relp AS relationship, -- to the head of the household
    dis AS disability,
    esp AS parents_work,
    cit AS citizenship,
    mig AS moved_last_year,
    mil AS military_service,
    anc AS ancestry,
    nativity,
    dear AS hard_of_hearing,
    deye AS hard_of_seeing,
    drem AS hard_to_remember,

    CASE sex WHEN 1 THEN 'men' WHEN 2 THEN 'women' END AS sex,
    CASE
        WHEN rac1p = 1 THEN 'White'
        WHEN rac1p = 2 THEN 'Black'
        WHEN rac1p IN (3, 4, 5) THEN 'American Indian or Alaska Native'
        WHEN rac1p = 6 THEN 'Asian'
        WHEN rac1p = 7 THEN 'Pacific Islander'
        WHEN rac1p = 8 THEN 'some other race'
        WHEN rac1p = 9 THEN 'two or more races'
    END AS race
FROM people
WHERE agep >= 16 AND relp <> 16
