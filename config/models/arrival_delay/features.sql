-- One row for every scheduled flight, with what was known two hours before it was to leave.
--
-- Each relation carries `known_at`: when a row of it became known. Late columns have a relation of
-- their own (flights_departure, flights_arrival), because they become known later than the flight.
-- Whatever is joined here is joined on known_at <= prediction_time, or on whole days before the
-- prediction's; every run proves that nothing slipped through. Two habits make the result exact:
-- times are joined in UTC, since a local hour comes twice on the night the clocks go back, and
-- sums are of whole numbers, which come out the same in whatever order they are added.
WITH schedule AS (
    SELECT
        *,
        time_hour + to_minutes(minute) AS sched_dep,
        sched_dep - getvariable('horizon') AS prediction_time,
        prediction_time::DATE AS prediction_day
    FROM flights
),

-- Weather and traffic are the same for all flights that ask at the same place and moment.
moments AS (
    SELECT DISTINCT origin, prediction_time
    FROM schedule
),

-- ------------------------------------------------------------------------------------- weather
-- The newest observation; one older than six hours says nothing about now.
weather_then AS (
    SELECT
        moments.origin, moments.prediction_time,
        temp, dewp, humid, wind_dir, wind_speed, precip, pressure, visib,
        coalesce(wind_gust, 0) AS wind_gust -- where no gust was noted, there was none
    FROM moments
    ASOF JOIN weather
        ON weather.origin = moments.origin
        AND weather.known_at <= moments.prediction_time
    WHERE weather.known_at > moments.prediction_time - INTERVAL 6 HOUR
),

-- ------------------------------------------------------------------------- how often late, lately
-- Counted over the 28 whole days before the prediction's own day: all of them known by then.
days AS (
    SELECT DISTINCT prediction_day, prediction_day - 28 AS since
    FROM schedule
),

landed AS (
    SELECT
        flights_arrival.known_at::DATE AS day, carrier, origin, dest, hour,
        (arr_delay > 15)::INTEGER AS late
    FROM flights_arrival
    JOIN flights USING (time_hour, carrier, flight, origin)
),

everywhere AS (
    SELECT prediction_day, sum(late) / sum(flights) AS late_rate
    FROM days
    JOIN (SELECT day, sum(late) AS late, count(*) AS flights FROM landed GROUP BY ALL)
        ON day >= since AND day < prediction_day
    GROUP BY ALL
),

by_carrier AS (
    SELECT prediction_day, carrier, sum(late) AS late, sum(flights) AS flights
    FROM days
    JOIN (SELECT day, carrier, sum(late) AS late, count(*) AS flights FROM landed GROUP BY ALL)
        ON day >= since AND day < prediction_day
    GROUP BY ALL
),

by_dest AS (
    SELECT prediction_day, dest, sum(late) AS late, sum(flights) AS flights
    FROM days
    JOIN (SELECT day, dest, sum(late) AS late, count(*) AS flights FROM landed GROUP BY ALL)
        ON day >= since AND day < prediction_day
    GROUP BY ALL
),

by_carrier_origin AS (
    SELECT prediction_day, carrier, origin, sum(late) AS late, sum(flights) AS flights
    FROM days
    JOIN (
        SELECT day, carrier, origin, sum(late) AS late, count(*) AS flights
        FROM landed
        GROUP BY ALL
    ) ON day >= since AND day < prediction_day
    GROUP BY ALL
),

by_origin_hour AS (
    SELECT prediction_day, origin, hour, sum(late) AS late, sum(flights) AS flights
    FROM days
    JOIN (
        SELECT day, origin, hour, sum(late) AS late, count(*) AS flights
        FROM landed
        GROUP BY ALL
    ) ON day >= since AND day < prediction_day
    GROUP BY ALL
),

-- --------------------------------------------------------- traffic at the origin, last three hours
-- Three hours touch four hours of the clock: joining on those first is what makes it fast.
clock_hours AS (
    SELECT
        origin, prediction_time, prediction_time - INTERVAL 3 HOUR AS since,
        date_trunc('hour', prediction_time) - to_hours(back) AS clock_hour
    FROM moments, range(4) AS hours (back)
),

departed AS (
    SELECT
        asked.origin, asked.prediction_time, gone.carrier,
        count(*) AS flights,
        sum(gone.dep_delay) AS delay,
        count(*) FILTER (gone.dep_delay > 15) AS late
    FROM clock_hours AS asked
    JOIN flights_departure AS gone
        ON gone.origin = asked.origin
        AND date_trunc('hour', gone.known_at) = asked.clock_hour
    WHERE gone.known_at > asked.since AND gone.known_at <= asked.prediction_time
    GROUP BY ALL
),

departed_all AS (
    SELECT
        origin, prediction_time,
        sum(flights) AS flights, sum(delay) AS delay, sum(late) AS late
    FROM departed
    GROUP BY ALL
),

-- Should have left by now, and has not, as far as anybody knew at that moment.
waiting AS (
    SELECT asked.origin, asked.prediction_time, due.carrier, count(*) AS flights
    FROM clock_hours AS asked
    JOIN schedule AS due
        ON due.origin = asked.origin
        AND due.time_hour = asked.clock_hour
    LEFT JOIN flights_departure AS gone
        ON gone.time_hour = due.time_hour
        AND gone.carrier = due.carrier
        AND gone.flight = due.flight
        AND gone.origin = due.origin
        AND gone.known_at <= asked.prediction_time
    WHERE due.sched_dep > asked.since
        AND due.sched_dep <= asked.prediction_time
        AND gone.known_at IS NULL
    GROUP BY ALL
),

waiting_all AS (
    SELECT origin, prediction_time, sum(flights) AS flights
    FROM waiting
    GROUP BY ALL
)

SELECT
    time_hour, carrier, flight, origin, schedule.sched_dep, prediction_time,

    -- The schedule, in local time. No date and no month: in half a year of training each stands
    -- for the weather of its days.
    dest, distance,
    hour * 60 + minute AS departure_minute,
    sched_arr_time // 100 * 60 + sched_arr_time % 100 AS arrival_minute,
    isodow(make_date(year, month, day)) AS weekday,

    temp, dewp, humid, wind_dir, wind_speed, wind_gust, precip, pressure, visib,

    -- Late rates, each mixed with 50 flights of the overall rate: a few flights prove little.
    (coalesce(by_carrier.late, 0) + 50 * everywhere.late_rate)
        / (coalesce(by_carrier.flights, 0) + 50) AS carrier_late_rate,
    (coalesce(by_dest.late, 0) + 50 * everywhere.late_rate)
        / (coalesce(by_dest.flights, 0) + 50) AS dest_late_rate,
    (coalesce(by_carrier_origin.late, 0) + 50 * everywhere.late_rate)
        / (coalesce(by_carrier_origin.flights, 0) + 50) AS carrier_origin_late_rate,
    (coalesce(by_origin_hour.late, 0) + 50 * everywhere.late_rate)
        / (coalesce(by_origin_hour.flights, 0) + 50) AS origin_hour_late_rate,

    -- Means are NULL where nothing left in three hours; numbers of flights are then 0.
    departed_all.delay / departed_all.flights AS origin_delay,
    departed_all.late / departed_all.flights AS origin_late_share,
    coalesce(waiting_all.flights, 0) AS origin_waiting,
    departed.delay / departed.flights AS carrier_delay,
    departed.late / departed.flights AS carrier_late_share,
    coalesce(waiting.flights, 0) AS carrier_waiting
FROM schedule
LEFT JOIN weather_then USING (origin, prediction_time)
LEFT JOIN everywhere USING (prediction_day)
LEFT JOIN by_carrier USING (prediction_day, carrier)
LEFT JOIN by_dest USING (prediction_day, dest)
LEFT JOIN by_carrier_origin USING (prediction_day, carrier, origin)
LEFT JOIN by_origin_hour USING (prediction_day, origin, hour)
LEFT JOIN departed_all USING (origin, prediction_time)
LEFT JOIN departed USING (origin, prediction_time, carrier)
LEFT JOIN waiting_all USING (origin, prediction_time)
LEFT JOIN waiting USING (origin, prediction_time, carrier)
